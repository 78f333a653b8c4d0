/**
 * Mirrors live sessions into a directory: the data, metadata and index files the relay stores, from what it serves.
 *
 * The live protocol leaves out two index fields; they are read from the packets' own heads, and an index of the older
 * format 1.0 is written where packets have none. What is written is readable at any moment up to the last whole packet.
 */
import { type FileHandle, open as openFile, readdir } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { Effect, Schema, type Scope, Stream } from "effect"
import * as SystemError from "../errors/SystemError.ts"
import * as CtfIndex from "../protocol/CtfIndex.ts"
import * as CtfPacket from "../protocol/CtfPacket.ts"
import { fixed, u64Max } from "../protocol/Struct.ts"
import { pathOf } from "../protocol/Text.ts"
import * as Directory from "../storage/Directory.ts"
import type { ViewerEvent } from "./ViewerEvent.ts"
import type { PacketIndex, ViewedStream } from "./ViewerMerge.ts"

/** The mirror cannot be written: `reason` says why, `path` where. */
export class RecordFailed extends Schema.TaggedError<RecordFailed>()("RecordFailed", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.path}: ${this.reason}`
  }
}

/** What was mirrored so far. */
export interface Progress {
  readonly streams: number
  readonly packets: number
  /** Bytes of packets and metadata. */
  readonly bytes: number
  /** Packets the relay announced but no longer had. */
  readonly lost: number
  /** Streams of which the relay could not read all that it had. */
  readonly cut: number
}

/** What a caller wants to hear while it records. */
export interface Options {
  /** Called after each event with all that was mirrored so far. */
  readonly onProgress?: (progress: Progress) => void
}

const attempt = <A>(
  path: string,
  run: () => Promise<A>,
  reasonOf: (cause: unknown) => string = SystemError.reasonOf
): Effect.Effect<A, RecordFailed> =>
  Effect.tryPromise({ try: run, catch: (cause) => new RecordFailed({ path, reason: reasonOf(cause) }) }).pipe(
    // A write in flight must not outlive its descriptor.
    Effect.uninterruptible
  )

/** Path of a stream's data file: below `root`, whatever a relay says. For old targets paths look absolute. */
const locationOf = (root: string, stream: ViewedStream): Effect.Effect<string, RecordFailed> => {
  const components = stream.path.split("/").filter((component) => component !== "" && component !== ".")
  const isSafe = !components.includes("..") && !stream.channel.includes("/") && !/^\.{0,2}$/.test(stream.channel)
  if (isSafe) return Effect.succeed(join(root, ...components, stream.channel))
  return Effect.fail(new RecordFailed({ path: `${stream.path}/${stream.channel}`, reason: "not a name to write to" }))
}

const create = (path: string): Effect.Effect<FileHandle, RecordFailed> =>
  attempt(path, async () => {
    await Directory.make(dirname(path))
    return openFile(pathOf(path), "wx")
  })

const append = (path: string, file: FileHandle, bytes: Uint8Array) => attempt(path, () => file.appendFile(bytes))

/** The minors whose index layouts 1.0 and 1.1 are. */
const minor10 = 7
const minor11 = 8

/** One stream's files. */
interface Mirror {
  readonly path: string
  data: FileHandle | undefined
  index: { readonly file: FileHandle; readonly path: string; readonly minor: number } | undefined
  offset: bigint
}

const openData = (mirror: Mirror) =>
  Effect.map(create(mirror.path), (file) => {
    mirror.data = file
    return file
  })

const appendData = (mirror: Mirror, bytes: Uint8Array) =>
  Effect.gen(function* () {
    yield* append(mirror.path, mirror.data ?? (yield* openData(mirror)), bytes)
  }).pipe(
    // Interrupted in between, it would leave a file that nobody closes.
    Effect.uninterruptible
  )

const headOf = (bytes: Uint8Array, index: PacketIndex): CtfPacket.PacketHead | undefined => {
  const head = CtfPacket.head(bytes)
  if (head === undefined) return undefined
  const isThis = head.packetSize === index.packetSize && head.timestampBegin === index.timestampBegin
  return isThis && head.contentSize === index.contentSize ? head : undefined
}

const openIndex = (mirror: Mirror, minor: number) =>
  Effect.gen(function* () {
    const path = CtfIndex.pathOf(mirror.path)
    const index = { file: yield* create(path), path, minor }
    mirror.index = index
    yield* append(path, index.file, CtfIndex.headerBytes(minor))
    return index
  })

const writePacket = (mirror: Mirror, index: PacketIndex, bytes: Uint8Array) =>
  Effect.gen(function* () {
    const head = headOf(bytes, index)
    const target = mirror.index ?? (yield* openIndex(mirror, head === undefined ? minor10 : minor11))
    // Data first: an index record never points to bytes that are not there.
    yield* appendData(mirror, bytes)
    const common = { ...index, offset: mirror.offset }
    const record =
      target.minor === minor10
        ? fixed(CtfIndex.record10).encode(common)
        : fixed(CtfIndex.record11).encode({
            ...common,
            streamInstanceId: head?.streamInstanceId ?? u64Max,
            packetSeqNum: head?.packetSeqNum ?? u64Max
          })
    yield* append(target.path, target.file, record)
    mirror.offset += BigInt(bytes.length)
  }).pipe(
    // An interruption in between would leave a packet without its index record.
    Effect.uninterruptible
  )

/** Network file systems tell what could not be written only when a file is closed. */
const close = ({ data, index, path }: Mirror) => {
  const files = [data, index?.file].filter((file) => file !== undefined)
  return attempt(path, async () => {
    const outcomes = await Promise.allSettled(files.map((file) => file.close()))
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason
  })
}

const makeRoot = (directory: string) =>
  Effect.gen(function* () {
    const root = resolve(directory)
    yield* attempt(
      directory,
      () => Directory.make(root),
      (cause) => Directory.reasonOf(root, cause)
    )
    const entries = yield* attempt(directory, () => readdir(pathOf(directory)))
    if (entries.length > 0)
      return yield* new RecordFailed({
        path: directory,
        reason: "not an empty directory: name one that is, or a new one"
      })
  })

const makeMirrors = (root: string) => {
  const mirrors = new Map<bigint, Mirror>()
  const release = (id: bigint) =>
    Effect.suspend(() => {
      const mirror = mirrors.get(id)
      mirrors.delete(id)
      return mirror === undefined ? Effect.void : close(mirror)
    })
  const add = (stream: ViewedStream) =>
    Effect.gen(function* () {
      const mirror: Mirror = { path: yield* locationOf(root, stream), data: undefined, index: undefined, offset: 0n }
      // A relay that gives one id twice tells no more of the first stream.
      yield* release(stream.id)
      mirrors.set(stream.id, mirror)
      // Of a trace without any metadata, as one that was cleared when its application ended, babeltrace2 opens nothing.
      if (!stream.isMetadata) yield* openData(mirror)
    }).pipe(
      // An interruption in between would leave a file that nobody closes.
      Effect.uninterruptible
    )
  const find = ({ channel, id, path }: ViewedStream): Effect.Effect<Mirror, RecordFailed> => {
    const mirror = mirrors.get(id)
    if (mirror !== undefined) return Effect.succeed(mirror)
    return Effect.fail(new RecordFailed({ path: `${path}/${channel}`, reason: "more of a stream that has ended" }))
  }
  /** Closes all that are left, whatever becomes of one; fails with the first failure. */
  const releaseAll = Effect.suspend(() => Effect.forEach([...mirrors.keys()], (id) => Effect.result(release(id)))).pipe(
    Effect.flatMap((results) => Effect.all(results.map(Effect.fromResult), { discard: true })),
    Effect.uninterruptible
  )
  return { find, release, releaseAll, add }
}

/** Mirrors until the events end; answers what was mirrored. `events` must come with the padding of packets. */
export const record = <E>(
  events: Stream.Stream<ViewerEvent, E>,
  directory: string,
  options: Options = {}
): Effect.Effect<Progress, E | RecordFailed> =>
  Effect.gen(function* () {
    yield* makeRoot(directory)
    const { add, find, release, releaseAll } = makeMirrors(directory)
    yield* Effect.addFinalizer(() => Effect.ignore(releaseAll))
    const progress = { streams: 0, packets: 0, bytes: 0, lost: 0, cut: 0 }
    const onEvent = (event: ViewerEvent): Effect.Effect<void, RecordFailed> => {
      switch (event._tag) {
        case "StreamAdded":
          progress.streams++
          return add(event.stream)
        case "Metadata":
          progress.bytes += event.bytes.length
          return Effect.flatMap(find(event.stream), (mirror) => appendData(mirror, event.bytes))
        case "Packet":
          progress.packets++
          progress.bytes += event.bytes.length
          return Effect.flatMap(find(event.stream), (mirror) => writePacket(mirror, event.index, event.bytes))
        case "PacketLost":
          progress.lost++
          return Effect.void
        case "StreamEnded":
          if (event.isCut) progress.cut++
          return release(event.stream.id)
        case "Inactive":
        case "Silent":
        case "SessionJoined":
        case "SessionRefused":
        case "SessionEnded":
          return Effect.void
      }
    }
    yield* Stream.runForEach(events, (event) => Effect.map(onEvent(event), () => options.onProgress?.({ ...progress })))
    yield* releaseAll
    return progress
  }).pipe((recording: Effect.Effect<Progress, E | RecordFailed, Scope.Scope>) => Effect.scoped(recording))
