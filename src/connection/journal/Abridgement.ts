/**
 * Shortens the history of a journal (`JournalHistory`) to the records that a later relay needs to continue it: its open
 * connections, sessions and streams as an edge would announce them now, each followed by its position (`Basis`,
 * `PositionBytes`). What led there is left out. Possible only while nothing of the journal is being carried out.
 */
import { Effect, Result } from "effect"
import * as AddStream from "../../protocol/control/AddStream.ts"
import * as CreateSession from "../../protocol/control/CreateSession.ts"
import * as StreamsSent from "../../protocol/control/StreamsSent.ts"
import * as Version from "../../protocol/control/Version.ts"
import * as Header from "../../protocol/Header.ts"
import type { Handles } from "../../protocol/journal/Handles.ts"
import { Kind } from "../../protocol/journal/Record.ts"
import * as Text from "../../protocol/Text.ts"
import * as HistoryRecord from "../../relay/journal/HistoryRecord.ts"
import type * as JournalHistory from "../../relay/journal/JournalHistory.ts"
import { basesOf, resume } from "../../relay/session/Basis.ts"
import type { SessionActor } from "../../relay/session/SessionActor.ts"
import { placeOf } from "../../relay/session/StreamPlaces.ts"
import * as PositionBytes from "../../relay/stream/PositionBytes.ts"
import type { StreamActor } from "../../relay/stream/StreamActor.ts"
import type { Brought } from "./Brought.ts"
import type { Tracer } from "./Tracer.ts"

type Entry = HistoryRecord.Entry

const nothing = new Uint8Array()

/** Fewer are not worth looking through. */
const handleCountMin = 64

/** Bytes of the longest path that a command can have. */
const pathBytesMax = 254

const command = (number: number, payload: Uint8Array): Uint8Array => Buffer.concat(Header.message(number, payload))

const introductionsOf = (
  connection: number,
  { introductions, kind }: Tracer,
  session: SessionActor | undefined
): ReadonlyArray<Entry> => {
  const entries: Array<Entry> = [{ kind, connection, bytes: nothing }]
  for (const [number, said] of introductions) {
    // The session was refused.
    const bytes = number === Version.number ? said : session && withoutChunk(said, session.identity.minor)
    if (bytes !== undefined) entries.push({ kind: Kind.command, connection, bytes })
  }
  return entries
}

/** Without the trace chunk that the session named when it began: it may be gone since. */
const withoutChunk = (bytes: Buffer, minor: number): Uint8Array => {
  const layout = CreateSession.request(minor)
  const request = Result.getOrThrow(layout.decode(bytes.subarray(Header.size)))
  if (request.currentChunkId === undefined) return bytes
  const { creationTime = 0n, sessionId = 0n, sessiondUuid = "" } = request
  const said = { ...request, creationTime, sessionId, sessiondUuid, currentChunkId: undefined }
  return command(CreateSession.number, layout.encode(said))
}

const u64 = (value: bigint): Uint8Array => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}

/** The stream as if it had just been added, and then moved to where it is. Undefined: not possible. */
const streamEntries = (connection: number, stream: StreamActor, handles: Handles): ReadonlyArray<Entry> | undefined => {
  const { channelName, handle, model, path: pathname, session } = stream
  const edges = handles.edgesOf(BigInt(handle))
  if (edges === undefined || Buffer.byteLength(pathname) > pathBytesMax) return undefined
  const { tracefileCount, tracefileSize } = model
  const sizes = { tracefileSize: BigInt(tracefileSize), tracefileCount: BigInt(tracefileCount) }
  const request = AddStream.request(session.identity.minor)
  const payload = request.encode({ channelName, pathname, ...sizes, traceChunkId: 0n })
  const { advance, advanceOf } = HistoryRecord
  return [
    { kind: Kind.command, connection, bytes: command(AddStream.number, payload) },
    { kind: Kind.handle, connection, bytes: u64(edges) },
    { kind: advance, connection: 0, bytes: advanceOf(edges, PositionBytes.fromBeginning(stream)) }
  ]
}

/** Undefined: not possible for one of its streams at the moment. */
const sessionEntries = (
  connection: number,
  session: SessionActor,
  handles: Handles
): ReadonlyArray<Entry> | undefined => {
  const bases = basesOf(session)
  if (bases === undefined) return undefined
  const { basis } = HistoryRecord
  const entries: Array<Entry> = bases.before.map((bytes) => ({ kind: basis, connection, bytes }))
  for (const isPublished of [true, false]) {
    for (const stream of session.streams.values()) {
      if (stream.isPublished !== isPublished) continue
      const own = streamEntries(connection, stream, handles)
      if (own === undefined) return undefined
      entries.push(...own)
    }
    const isAny = isPublished && entries.length > bases.before.length
    if (isAny) entries.push({ kind: Kind.command, connection, bytes: command(StreamsSent.number, nothing) })
  }
  return [...entries, { kind: basis, connection, bytes: bases.behind }]
}

/** Where it records, relative to the output directory. */
const placesOf = ({ identity, streams }: SessionActor): ReadonlyArray<string> =>
  identity.hasChunks ? [identity.outputPath] : [...streams.values()].map(({ path }) => placeOf(path))

export class Abridgement {
  readonly #connections: ReadonlyMap<number, Tracer>
  readonly #brought: Brought
  readonly #handles: Handles
  /** How many handles there were after those of closed streams were forgotten. */
  #keptCount = 0

  constructor(connections: ReadonlyMap<number, Tracer>, brought: Brought, handles: Handles) {
    this.#connections = connections
    this.#brought = brought
    this.#handles = handles
  }

  /** To be called while the journal is at rest and its files are complete. Undefined: not possible at the moment. */
  get abridged(): JournalHistory.Abridged | undefined {
    const { sessions } = this.#brought
    const entries = this.#entriesOf(new Map(sessions.map((session) => [session.id, session])))
    return entries && { entries, onDone: () => this.#forgetOver(sessions) }
  }

  #entriesOf(sessions: ReadonlyMap<number, SessionActor>): ReadonlyArray<Entry> | undefined {
    const paths = new Set([...sessions.values()].flatMap(placesOf))
    const entries: Array<Entry> = [...paths].map((at) => ({
      kind: HistoryRecord.path,
      connection: 0,
      bytes: Text.bytesOf(at)
    }))
    const controls = new Map<number, number>()
    for (const [connection, { added, kind, peer, sessionId }] of this.#connections) {
      if (peer.isOver || !peer.isReady || added.length > 0) return undefined
      if (kind === Kind.control && sessionId !== undefined) controls.set(sessionId, connection)
    }
    // Its control connection is gone: the session is about to end.
    if ([...sessions.keys()].some((id) => !controls.has(id))) return undefined
    for (const [connection, known] of this.#connections) {
      const session = sessions.get(known.sessionId ?? 0)
      const isOver = known.sessionId !== undefined && session === undefined
      const isControl = known.kind === Kind.control
      const own = isControl && session !== undefined ? sessionEntries(connection, session, this.#handles) : []
      if (isOver || own === undefined) return undefined
      if (isControl) for (const entry of [...introductionsOf(connection, known, session), ...own]) entries.push(entry)
    }
    // Data connections come after the sessions that they belong to.
    for (const [connection, { kind, sessionId }] of this.#connections) {
      if (kind !== Kind.data) continue
      entries.push({ kind, connection, bytes: nothing })
      const control = controls.get(sessionId ?? 0)
      if (control !== undefined) entries.push({ kind: HistoryRecord.basis, connection, bytes: u64(BigInt(control)) })
    }
    return entries
  }

  /** Forgets what is not in the abridged history. */
  #forgetOver(sessions: ReadonlyArray<SessionActor>): void {
    const open = new Set<bigint>()
    for (const { streams } of sessions) {
      for (const { handle, model } of streams.values()) {
        open.add(BigInt(handle))
        model.left.forget()
      }
    }
    this.#handles.keep((handle) => open.has(handle))
    this.#brought.forgetEnded()
    this.#keptCount = this.#handles.size
  }

  /** Forgets handles of closed streams, once most handles are: applications come and go. */
  forgetClosed(): void {
    if (this.#handles.size > 2 * Math.max(handleCountMin, this.#keptCount)) this.#forgetOver(this.#brought.sessions)
  }

  /** The state that the connection continues from. */
  goOn(connection: number, bytes: Buffer): Effect.Effect<void> {
    const known = this.#connections.get(connection)
    if (known?.kind === Kind.data) {
      const control = this.#connections.get(Number(bytes.readBigUInt64BE()))
      return Effect.sync(() => known.peer.belongsTo(control?.sessionId))
    }
    const session = this.#brought.sessions.find(({ id }) => id === known?.sessionId)
    return session === undefined ? Effect.void : Effect.orDie(resume(session, bytes))
  }
}
