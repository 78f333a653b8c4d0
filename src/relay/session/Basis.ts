/**
 * The state of a session as bytes, for a journal's history: it replaces the rotations and closed streams that led to
 * it. In two parts: the trace chunk, which the session's streams need to be made again; then, after them, the rest.
 */
import { Effect, Option, Schema } from "effect"
import type { FileFailed } from "../../storage/Files.ts"
import type { SessionActor } from "./SessionActor.ts"

const Names = Schema.Array(Schema.String)

const Chunk = Schema.Struct({
  /** Undefined for the anonymous chunk of a peer older than 2.11. Numbers have up to 64 bits. */
  name: Schema.optionalKey(
    Schema.Struct({
      id: Schema.String,
      creationTime: Schema.String,
      overrideName: Schema.optionalKey(Schema.String)
    })
  ),
  path: Schema.String
})

const Totals = Schema.Struct({
  packetCount: Schema.Finite,
  byteCount: Schema.Finite,
  eventsDiscarded: Schema.Finite,
  packetsLost: Schema.Finite
})

const Basis = Schema.Union([
  Schema.Struct({ begins: Schema.Struct({ hasRotated: Schema.Boolean, chunk: Schema.optionalKey(Chunk) }) }),
  /** Some of the directories and files that were made in the chunk. */
  Schema.Struct({ made: Schema.Struct({ directories: Names, files: Names }) }),
  Schema.Struct({
    ends: Schema.Struct({
      numbers: Schema.Array(Schema.Tuple([Schema.String, Schema.Finite])),
      closed: Schema.Array(Schema.Tuple([Schema.String, Totals]))
    })
  })
])
type Basis = typeof Basis.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Basis))
const encode = (basis: Basis): Uint8Array => Buffer.from(JSON.stringify(basis))

/** Directories, and files, in one record. */
const nameCountMax = 256

/** Records of a session's state: those to be read before its streams are made again, and the one after them. */
export interface Bases {
  readonly before: ReadonlyArray<Uint8Array>
  readonly behind: Uint8Array
}

const nothing = { directories: [], files: [] }

/**
 * Whether each stream is at rest, in a file of its own in the session's current trace chunk. After a rotation without a
 * next chunk there is none, and streams could not be made again.
 */
const areSettled = ({ chunks, streams }: SessionActor): boolean => {
  if (chunks.current === undefined) return streams.size === 0
  const places = new Set<string>()
  for (const { channelName, model, path } of streams.values()) {
    const isHere = model.chunk === chunks.current && model.file?.chunk === chunks.current
    if (!isHere || model.closeRequested || model.isRotating) return false
    places.add(`${path}/${channelName}`)
  }
  return places.size === streams.size
}

/** Undefined: the session is between two states, or in one that a later session cannot be brought to. */
export const basesOf = (session: SessionActor): Bases | undefined => {
  const { chunks, closedTotals, isConnectionClosed, places } = session
  const at = chunks.basis
  if (isConnectionClosed || at === undefined || !areSettled(session)) return undefined
  const { chunk, hasRotated } = at
  const name = chunk?.name && {
    id: String(chunk.name.id),
    creationTime: String(chunk.name.creationTime),
    ...(chunk.name.overrideName !== undefined && { overrideName: chunk.name.overrideName })
  }
  const placed = chunk && { path: chunk.path, ...(name !== undefined && { name }) }
  const before = [encode({ begins: { hasRotated, ...(placed !== undefined && { chunk: placed }) } })]
  const { directories, files } = chunks.current?.directory.made ?? nothing
  for (let from = 0; from < Math.max(directories.length, files.length); from += nameCountMax) {
    const some = (names: ReadonlyArray<string>) => names.slice(from, from + nameCountMax)
    before.push(encode({ made: { directories: some(directories), files: some(files) } }))
  }
  return { before, behind: encode({ ends: { numbers: places.numbers, closed: [...closedTotals] } }) }
}

/** Brings a session that has just begun to the state in `bytes`, one record of `basesOf`. */
export const resume = (session: SessionActor, bytes: Uint8Array): Effect.Effect<void, FileFailed> => {
  const basis = Option.getOrUndefined(decode(Buffer.from(bytes).toString()))
  if (basis === undefined) return Effect.void
  if ("made" in basis) return session.chunks.current?.directory.inherit(basis.made) ?? Effect.void
  if ("begins" in basis) {
    const { chunk, hasRotated } = basis.begins
    session.places.isGiven = true
    const name = chunk?.name && {
      id: BigInt(chunk.name.id),
      creationTime: BigInt(chunk.name.creationTime),
      closeTime: undefined,
      overrideName: chunk.name.overrideName
    }
    return session.chunks.resume({ hasRotated, chunk: chunk && { path: chunk.path, name } })
  }
  return Effect.sync(() => {
    const { closed, numbers } = basis.ends
    session.places.isGiven = false
    session.places.numbers = numbers
    for (const [channel, totals] of closed) session.closedTotals.set(channel, { ...totals })
  })
}
