/**
 * Streams a recorded trace to a relay again: the same files come out. Packets go in the order of their end, at the
 * pace they were recorded, scaled, or as fast as the relay takes them.
 *
 * Each data file becomes a stream of its own, so a tracefile ring comes back file by file under the same names. The
 * session speaks the protocol of the recording's index files; a recording without any is replayed as a snapshot.
 */
import { basename, dirname } from "node:path"
import { Clock, Duration, Effect, Schema, type Scope } from "effect"
import * as CtfTrace from "../ctf/CtfTrace.ts"
import { GrowingMetadata } from "../ctf/metadata/GrowingMetadata.ts"
import { isZero, parts } from "../ctf/metadata/Parts.ts"
import { fromCycles } from "../ctf/model/Nanoseconds.ts"
import type { ClockClass, TraceClass } from "../ctf/model/TraceClass.ts"
import type * as Target from "./Target.ts"

const nothing = new Uint8Array()

/** As what session, and how fast, a recording is replayed. */
export interface Options {
  /** The name in the recording's path where not given. */
  readonly sessionName?: string
  /** Replays as a live session with this timer. */
  readonly liveTimer?: Duration.Input
  /** 1 is the recorded pace, 2 twice as fast; above 0. As fast as possible where not given. */
  readonly speed?: number
  /** Called after each packet with all that was sent so far. */
  readonly onProgress?: (progress: Progress) => void
}

/** Packets sent so far, and their bytes. */
export interface Progress {
  readonly bytes: number
  readonly packets: number
}

/** A replay like this cannot be made. `reason` names the option that is wrong. */
export class ReplayInvalid extends Schema.TaggedError<ReplayInvalid>()("ReplayInvalid", { reason: Schema.String }) {
  override get message(): string {
    return `the replay's options are not valid: ${this.reason}`
  }
}

/** What failed of a replay: its options, the relay, the connection or the recording. */
export type ReplayFailed = Target.SessionFailed | CtfTrace.TraceUnreadable | ReplayInvalid

/** Where the replay stands on the recording's own clock. */
interface Position {
  /** Cycles of the trace clock. */
  now: bigint
  /** Cycle and wall clock (nanoseconds) that belong together. */
  origin: { readonly cycles: bigint; readonly nanos: bigint } | undefined
}

/** What can be understood of the metadata is enough. */
const traceClassOf = (metadata: Uint8Array): TraceClass | undefined => {
  const declared = new GrowingMetadata()
  declared.append(metadata)
  return declared.traceClass
}

const clockOf = (metadata: Uint8Array): ClockClass | undefined => traceClassOf(metadata)?.clocks.values().next().value

/** Whether the recording is CTF 2: all traces of a session have one format. */
const isCtf2 = ({ chunks }: CtfTrace.Recording): boolean => {
  const first = chunks.flatMap(({ traces }) => traces).find(({ metadata = nothing }) => metadata.length > 0)
  return traceClassOf(first?.metadata ?? nothing)?.format === "2"
}

/** A data file while it is being replayed. */
interface Playing {
  readonly stream: Target.DataStream
  readonly file: CtfTrace.DataFile
  readonly read: CtfTrace.ReadBytes
  readonly cursor: { next: number }
}

/** Newest protocol minor that has index files of format 1.0. */
const minorOfIndex10 = 7

const indexOf = (recording: CtfTrace.Recording): CtfTrace.DataFile["index"] => {
  const kinds = new Set<string>()
  for (const { traces } of recording.chunks)
    for (const { files } of traces) for (const { index } of files) kinds.add(index)
  return kinds.has("1.1") ? "1.1" : kinds.has("1.0") ? "1.0" : "none"
}

const hasPackets = ({ chunks }: CtfTrace.Recording) =>
  chunks.some(({ traces }) => traces.some(({ files }) => files.some(({ byteCount }) => byteCount > 0)))

/** The directory that names the session: a chunk lies in it, an archived one two levels below. */
const sessionDirectory = (directory: string): string => {
  if (CtfTrace.parseChunkName(basename(directory)) === undefined) return basename(directory)
  const parent = dirname(directory)
  return basename(basename(parent) === "archives" ? dirname(parent) : parent)
}

const datedPattern = /-\d{8}-\d{6}$/

const sessionOptions = (recording: CtfTrace.Recording, options: Options): Target.SessionOptions => {
  const name = options.sessionName ?? sessionDirectory(recording.directory)
  const index = indexOf(recording)
  const first = recording.chunks[0]?.name
  const isSnapshot = index === "none" && options.liveTimer === undefined && hasPackets(recording)
  return {
    name,
    nameContainsCreationTime: datedPattern.test(name),
    ...(isCtf2(recording) ? { traceFormat: 2 } : {}),
    ...(options.liveTimer === undefined ? {} : { liveTimer: options.liveTimer }),
    ...(index === "1.0" ? { minor: minorOfIndex10 } : {}),
    ...(isSnapshot ? { snapshot: basename(recording.directory).replaceAll(".", "_") } : {}),
    ...(first === undefined ? {} : { chunkTime: first.createdAt, chunkId: first.id })
  }
}

const earliest = (playing: ReadonlyArray<Playing>): Playing | undefined => {
  let found: Playing | undefined
  let least: bigint | undefined
  for (const candidate of playing) {
    const end = candidate.file.packets[candidate.cursor.next]?.timestampEnd
    if (end === undefined || (least !== undefined && end >= least)) continue
    found = candidate
    least = end
  }
  return found
}

/** Waits until the pace allows `cycles`. */
const keepPace = (position: Position, clock: ClockClass | undefined, speed: number | undefined, cycles: bigint) =>
  Effect.gen(function* () {
    if (speed !== undefined) {
      const nanos = yield* Clock.monotonicTimeNanos
      position.origin ??= { cycles, nanos }
      const elapsed = Number(fromCycles(clock, cycles) - fromCycles(clock, position.origin.cycles)) / speed
      const due = Number(position.origin.nanos - nanos) + elapsed
      if (due > 0) yield* Effect.sleep(Duration.nanos(BigInt(Math.round(due))))
    }
    if (cycles > position.now) position.now = cycles
  })

const sendPacket = (playing: Playing, record: CtfTrace.PacketRecord) =>
  Effect.gen(function* () {
    const size = Number(record.packetSize) / 8
    const bytes = yield* playing.read(Number(record.offset), size)
    const content = Math.ceil(Number(record.contentSize) / 8)
    const isPadded = isZero(bytes.subarray(content))
    yield* playing.stream.packet({
      bytes: isPadded ? bytes.subarray(0, content) : bytes,
      paddingBytes: isPadded ? size - content : 0,
      contentBits: record.contentSize,
      timestampBegin: record.timestampBegin,
      timestampEnd: record.timestampEnd,
      eventsDiscarded: record.eventsDiscarded,
      ...(record.packetSeqNum === undefined ? {} : { packetSeqNum: record.packetSeqNum })
    })
    return size
  })

/** Unindexed bytes are sent in pieces of this size. */
const pieceBytes = 1024 * 1024

/** What no index record covers: the end of a file whose tracer was interrupted. */
const sendRest = (playing: Playing) =>
  Effect.gen(function* () {
    const { byteCount, packets } = playing.file
    const last = packets.at(-1)
    const covered = last === undefined ? 0 : Number(last.offset + last.packetSize / 8n)
    for (let at = covered; at < byteCount; at += pieceBytes) {
      yield* playing.stream.unindexed(yield* playing.read(at, Math.min(pieceBytes, byteCount - at)))
    }
    return Math.max(0, byteCount - covered)
  })

const addFile = (session: Target.Session, path: string, file: CtfTrace.DataFile) =>
  Effect.gen(function* () {
    const [first] = file.packets
    const cursor = { next: 0 }
    const stream = yield* session.stream({
      path,
      channel: file.name,
      classId: first?.streamId ?? 0n,
      instanceId: first?.streamInstanceId ?? 0n,
      // A beacon must not promise away what is still to come.
      beaconTimestamp: (now) => {
        const begin = file.packets[cursor.next]?.timestampBegin
        return begin !== undefined && begin < now ? begin : now
      }
    })
    const playing: Playing = { stream, file, cursor, read: yield* CtfTrace.reader(file) }
    return playing
  })

const playChunk = (
  session: Target.Session,
  chunk: CtfTrace.Chunk,
  options: Options,
  position: Position,
  report: (bytes: number, packets: number) => void
): Effect.Effect<void, Target.CommandFailed | CtfTrace.TraceUnreadable, Scope.Scope> =>
  Effect.gen(function* () {
    const playing: Array<Playing> = []
    const metadata: Array<{ readonly stream: Target.MetadataStream; readonly bytes: Uint8Array }> = []
    for (const trace of chunk.traces) {
      for (const file of trace.files) playing.push(yield* addFile(session, trace.path, file))
      if (trace.metadata === undefined) continue
      metadata.push({ stream: yield* session.metadata(trace.path), bytes: trace.metadata })
    }
    yield* session.publish
    for (const { stream, bytes } of metadata) {
      for (const part of parts(bytes)) yield* stream.append(part.bytes, part.paddingBytes)
      report(bytes.length, 0)
    }
    const clock = clockOf(metadata[0]?.bytes ?? nothing)
    for (let next = earliest(playing); next !== undefined; next = earliest(playing)) {
      const record = next.file.packets[next.cursor.next] as CtfTrace.PacketRecord
      yield* keepPace(position, clock, options.speed, record.timestampEnd)
      report(yield* sendPacket(next, record), 1)
      next.cursor.next++
    }
    for (const entry of playing) report(yield* sendRest(entry), 0)
  })

/** Answers what was sent, when the relay has stored all of it. */
export const replay = (
  recording: CtfTrace.Recording,
  target: Target.Target,
  options: Options = {}
): Effect.Effect<Progress & { readonly outputPath: string | undefined }, ReplayFailed> =>
  Effect.gen(function* () {
    const { speed = 1 } = options
    if (!(speed > 0)) return yield* new ReplayInvalid({ reason: `speed: ${speed} is not above 0` })
    const position: Position = { now: 0n, origin: undefined }
    const session = yield* target.session({ ...sessionOptions(recording, options), clock: () => position.now })
    let bytes = 0
    let packets = 0
    const report = (moreBytes: number, morePackets: number) => {
      bytes += moreBytes
      packets += morePackets
      options.onProgress?.({ bytes, packets })
    }
    let current: CtfTrace.Chunk | undefined
    for (const chunk of recording.chunks) {
      if (current !== undefined) {
        yield* session.rotateClosed({
          ...(current.name?.closedAt === undefined ? {} : { closedAt: current.name.closedAt }),
          ...(chunk.name === undefined ? {} : { createdAt: chunk.name.createdAt, nextId: chunk.name.id })
        })
      }
      yield* Effect.scoped(playChunk(session, chunk, options, position, report))
      current = chunk
    }
    const closedAt = current?.name?.closedAt
    yield* session.close({ archive: closedAt !== undefined, ...(closedAt === undefined ? {} : { closedAt }) })
    return { bytes, packets, outputPath: session.outputPath }
  }).pipe(Effect.catchTag("AlreadyClosed", Effect.die), Effect.scoped)
