/**
 * Translates what tracers said to the edge for a relay that speaks an older protocol than they did. Pure.
 *
 * Before 2.11 there were no trace chunks. Streams are announced by their whole path there, as session daemons of that
 * time do it; rotations and clears are left out, so that later packets continue the same files, and what the tracer
 * then sends of its metadata once more is, too.
 */
import { Result } from "effect"
import { sessionPath } from "../../../model/Path.ts"
import * as AddStream from "../../../protocol/control/AddStream.ts"
import * as CloseTraceChunk from "../../../protocol/control/CloseTraceChunk.ts"
import * as CreateSession from "../../../protocol/control/CreateSession.ts"
import * as CreateTraceChunk from "../../../protocol/control/CreateTraceChunk.ts"
import { commands } from "../../../protocol/control/index.ts"
import * as ResetMetadata from "../../../protocol/control/ResetMetadata.ts"
import * as RotateStreams from "../../../protocol/control/RotateStreams.ts"
import * as SendIndex from "../../../protocol/control/SendIndex.ts"
import * as SendMetadata from "../../../protocol/control/SendMetadata.ts"
import * as Header from "../../../protocol/Header.ts"
import type { Layout } from "../../../protocol/Struct.ts"
import { features, speaks } from "../../../protocol/Version.ts"
import { command as framed } from "../Greeting.ts"
import { type Cut, MetadataText, messageHeadBytes } from "./MetadataText.ts"

/** Of one control connection: the minor version that the tracer speaks with the edge, and the relay's, not higher. */
export class Dialect {
  spoken = 0
  minor = 0
  /** Path of its streams, below the relay's output directory. */
  directory = ""
  chunkId: bigint | undefined
  /** The beginning of a metadata message, until enough is there to decide what of it is sent. */
  held: Buffer | undefined
  /** How many of the next bytes of the message are left out. */
  skipped = 0
  /** False: the relay does not allow clearing. */
  readonly clears: boolean

  constructor(clears = true) {
    this.clears = clears
  }

  /** Its tracer has trace chunks, its relay none. */
  get isFlat(): boolean {
    return features(this.spoken).chunks && !features(this.minor).chunks
  }
}

/** For one journal: its connections share trace chunks. */
export class Translation {
  /** Names that the tracer chose for chunks: those of snapshots. */
  readonly #chunkNames = new Map<bigint, string>()
  /** By the relay's handle of the stream. */
  readonly #texts = new Map<bigint, MetadataText>()

  /** `bytes[from, to)` is a command, from its header on; undefined: nothing is sent, and nothing answered. */
  command(dialect: Dialect, bytes: Buffer, from: number, to: number): Uint8Array | undefined {
    const given = bytes.subarray(from, to)
    const { minor, spoken } = dialect
    dialect.held = undefined
    dialect.skipped = 0
    const number = bytes.readUInt32BE(from + Header.offsets.command)
    const payload = bytes.subarray(from + Header.size, to)
    if (number === CloseTraceChunk.number && minor > 0 && !dialect.clears) return keptChunk(dialect, payload)
    if (spoken === minor || minor === 0) return given
    switch (number) {
      case CreateSession.number:
        return this.#createSession(dialect, payload) ?? given
      case AddStream.number:
        return (dialect.isFlat ? this.#addStream(dialect, payload) : undefined) ?? given
      case CreateTraceChunk.number:
        this.#createChunk(dialect, payload)
        break
      case RotateStreams.number:
        if (dialect.isFlat) this.#rotated(payload)
        break
      case CloseTraceChunk.number:
        return keptChunk(dialect, payload)
      case ResetMetadata.number:
        if (payload.length >= 8) this.#textOf(payload.readBigUInt64BE()).reset(speaks(minor, ResetMetadata.since))
        break
      case SendIndex.number:
        return features(minor).index28 ? given : framed(number, payload.subarray(0, SendIndex.size(minor)))
      case SendMetadata.number:
        if (dialect.isFlat) {
          dialect.held = Buffer.alloc(0)
          return this.rest(dialect, bytes, from, to)
        }
        break
    }
    return speaks(minor, commands.get(number)?.since ?? 0) ? given : undefined
  }

  /** The same for more bytes of the command that began last, a metadata message. */
  rest(dialect: Dialect, bytes: Buffer, from: number, to: number): Uint8Array | undefined {
    const { held } = dialect
    if (held === undefined) {
      const skipped = Math.min(dialect.skipped, to - from)
      dialect.skipped -= skipped
      return skipped === to - from ? undefined : bytes.subarray(from + skipped, to)
    }
    const message = Buffer.concat([held, bytes.subarray(from, to)])
    dialect.held = message
    const headBytes = messageHeadBytes(message)
    if (headBytes === undefined || message.length < headBytes) return undefined
    dialect.held = undefined
    const cut: Cut = this.#textOf(message.readBigUInt64BE(Header.size)).take(message)
    dialect.skipped = cut.skipped
    return cut.sent
  }

  #textOf(stream: bigint): MetadataText {
    const text = this.#texts.get(stream) ?? new MetadataText()
    this.#texts.set(stream, text)
    return text
  }

  /** The stream is closed. */
  forget(stream: bigint): void {
    this.#texts.delete(stream)
  }

  #createSession(dialect: Dialect, payload: Uint8Array): Uint8Array | undefined {
    const { minor, spoken } = dialect
    const request = decoded(CreateSession.request(spoken), payload)
    if (request === undefined) return undefined
    if (dialect.isFlat) {
      const { creationTime = 0n } = request
      dialect.directory = sessionPath({ ...request, creationTime }, "host") ?? ""
      dialect.chunkId = request.currentChunkId
    }
    // Names that are too long are cut: the relay only shows them, paths are taken from the streams.
    return framed(CreateSession.number, CreateSession.request(minor).encode(request as CreateSession.Writable))
  }

  #addStream({ chunkId, directory, minor, spoken }: Dialect, payload: Uint8Array): Uint8Array | undefined {
    const request = decoded(AddStream.request(spoken), payload)
    if (request === undefined) return undefined
    const chunk = (chunkId === undefined ? undefined : this.#chunkNames.get(chunkId)) ?? ""
    const pathname = `/${directory}/${chunk}/${request.pathname}`
    const older = { ...request, pathname } as AddStream.Writable
    return framed(AddStream.number, AddStream.request(minor).encode(older))
  }

  #createChunk(dialect: Dialect, payload: Uint8Array): void {
    const request = decoded(CreateTraceChunk.request(dialect.spoken), payload)
    if (request === undefined) return
    dialect.chunkId = request.chunkId
    if (request.overrideName !== undefined) this.#chunkNames.set(request.chunkId, request.overrideName)
  }

  #rotated(payload: Uint8Array): void {
    const request = decoded(RotateStreams.request(0), payload)
    for (const { streamId } of request?.positions ?? []) this.#texts.get(streamId)?.rotated()
  }
}

const decoded = <A>(layout: Pick<Layout<A>, "decode">, payload: Uint8Array): A | undefined => {
  const result = layout.decode(payload)
  return Result.isSuccess(result) ? result.success : undefined
}

/**
 * Without chunks there is none to close. Where nothing may be cleared, a chunk that would be deleted is kept as one
 * that was rotated; 2.11 knows nothing else that could be done with one.
 */
const keptChunk = ({ clears, minor, spoken }: Dialect, payload: Uint8Array): Uint8Array | undefined => {
  if (!features(minor).chunks) return undefined
  const { delete: deleted, moveToCompleted, none } = CloseTraceChunk.CloseCommand
  const request = decoded(CloseTraceChunk.request(minor), payload)
  const isOlder = !features(minor).configuration && spoken !== minor
  if (request === undefined || !(isOlder || !clears)) return framed(CloseTraceChunk.number, payload)
  const { closeCommand: asked } = request
  const closeCommand = asked === deleted ? moveToCompleted : isOlder && asked === none ? undefined : asked
  return framed(CloseTraceChunk.number, CloseTraceChunk.request(minor).encode({ ...request, closeCommand }))
}
