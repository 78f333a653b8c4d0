/**
 * Reads a recorded LTTng directory as relays and session daemons leave it: trace chunks, traces, data files with their
 * index (1.0 or 1.1), metadata. Packets without an index are found by their own heads.
 *
 * Accepts a session directory, one chunk of it, or one trace. It reads what is there and changes nothing.
 */
import type { Dirent } from "node:fs"
import { type FileHandle, open as openFile, readdir, readFile, realpath, stat } from "node:fs/promises"
import { basename, join, relative, resolve, sep } from "node:path"
import { Effect, Schema, type Scope } from "effect"
import * as SystemError from "../errors/SystemError.ts"
import * as CtfIndex from "../protocol/CtfIndex.ts"
import { pathOf } from "../protocol/Text.ts"
import { DataStream } from "./decode/DataStream.ts"
import { TracePlan } from "./decode/Plan.ts"
import { GrowingMetadata } from "./metadata/GrowingMetadata.ts"
import { FileWindow } from "./recorded/FileWindow.ts"

/** There is no trace at `path`, or what is there cannot be read: `reason` says why. */
export class TraceUnreadable extends Schema.TaggedError<TraceUnreadable>()("TraceUnreadable", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.path}: ${this.reason}`
  }
}

/** A packet as its index tells: offset in bytes, sizes in bits, times in cycles of the trace clock (storage.md §5). */
export interface PacketRecord {
  readonly offset: bigint
  readonly packetSize: bigint
  readonly contentSize: bigint
  readonly timestampBegin: bigint
  readonly timestampEnd: bigint
  readonly eventsDiscarded: bigint
  readonly streamId: bigint
  /** Absent from index files 1.0. */
  readonly streamInstanceId: bigint | undefined
  readonly packetSeqNum: bigint | undefined
}

/** One data file. A tracefile ring has several for one stream; each is told apart. */
export interface DataFile {
  readonly name: string
  /** Absolute path of the file. */
  readonly location: string
  readonly byteCount: number
  /** What its index file says; without one, what its packets say. */
  readonly packets: ReadonlyArray<PacketRecord>
  readonly index: "1.0" | "1.1" | "none"
}

/** One directory with metadata and data files: what a CTF reader calls a trace. */
export interface Trace {
  /** Path of the directory relative to its chunk, as it is in a stream's path on the wire. */
  readonly path: string
  readonly metadata: Uint8Array | undefined
  readonly files: ReadonlyArray<DataFile>
}

/** One trace chunk of a session, or the whole of a session without chunks. */
export interface Chunk {
  readonly directory: string
  /** What the directory's name says; undefined: it is not named `<created>[-<closed>]-<id>`. */
  readonly name: ChunkName | undefined
  readonly traces: ReadonlyArray<Trace>
}

/** What the name of a chunk's directory says (storage.md §4.1). */
export interface ChunkName {
  readonly id: bigint
  /** Seconds since the epoch. */
  readonly createdAt: number
  readonly closedAt: number | undefined
}

/** Everything that was recorded below one directory. */
export interface Recording {
  readonly directory: string
  /** Oldest first; then what is in no chunk. */
  readonly chunks: ReadonlyArray<Chunk>
  /** Bytes of all metadata and data files. */
  readonly byteCount: number
}

const chunkPattern = /^(\d{8}T\d{6}[+-]\d{4})(?:-(\d{8}T\d{6}[+-]\d{4}))?-(\d+)$/
const timePattern = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)([+-]\d\d)(\d\d)$/

const secondsOf = (text: string): number => Date.parse(text.replace(timePattern, "$1-$2-$3T$4:$5:$6$7:$8")) / 1000

/** Reads `<created>[-<closed>]-<id>` (storage.md §4.1); undefined if it is no such name. */
export const parseChunkName = (name: string): ChunkName | undefined => {
  const [, created, closed, id] = chunkPattern.exec(name) ?? []
  if (created === undefined || id === undefined) return undefined
  return {
    id: BigInt(id),
    createdAt: secondsOf(created),
    closedAt: closed === undefined ? undefined : secondsOf(closed)
  }
}

const attempt = <A>(path: string, run: () => Promise<A>): Effect.Effect<A, TraceUnreadable> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => new TraceUnreadable({ path, reason: SystemError.reasonOf(cause) })
  })

type Entry = Pick<Dirent, "name" | "isFile" | "isDirectory">

const isBelow = (path: string, above: string): boolean => `${path}${sep}`.startsWith(`${above}${sep}`)

const none: Omit<Entry, "name"> = { isFile: () => false, isDirectory: () => false }

const real = (path: string): Promise<string> => realpath(pathOf(path))

/** What a link in directory `own` leads to. A directory around the link, or below `root`, is found without it. */
const linked = async (path: string, name: string, own: string, root: string): Promise<Entry> => {
  try {
    const [found, end] = await Promise.all([stat(pathOf(path)), real(path)])
    const isFound = isBelow(end, root) || isBelow(own, end)
    return { name, isFile: () => found.isFile(), isDirectory: () => found.isDirectory() && !isFound }
  } catch (cause) {
    // It leads nowhere.
    if (/^(ENOENT|ELOOP)$/.test((cause as NodeJS.ErrnoException).code ?? "")) return { name, ...none }
    throw cause
  }
}

/** What is in a directory that lies in `top`, or is it. */
const list = (directory: string, top: string): Effect.Effect<ReadonlyArray<Entry>, TraceUnreadable> =>
  attempt(directory, async () => {
    const all = await readdir(pathOf(directory), { withFileTypes: true })
    const entries = all.filter(({ name }) => !name.startsWith(".")).sort((a, b) => (a.name < b.name ? -1 : 1))
    if (!entries.some((entry) => entry.isSymbolicLink())) return entries
    const [own, root] = await Promise.all([real(directory), real(top)])
    return Promise.all(
      entries.map((entry) =>
        entry.isSymbolicLink() ? linked(join(directory, entry.name), entry.name, own, root) : entry
      )
    )
  })

const read = (path: string): Effect.Effect<Uint8Array, TraceUnreadable> => attempt(path, () => readFile(pathOf(path)))

/** What metadata begins with: packets in either byte order, text of CTF 1, fragments of CTF 2. */
const metadataBeginnings = [[0x57, 0x1d, 0xd1, 0x75], [0x75, 0xd1, 0x1d, 0x57], [...Buffer.from("/* CTF")], [0x1e]]

const isMetadata = (bytes: Uint8Array): boolean =>
  bytes.length === 0 || metadataBeginnings.some((beginning) => beginning.every((byte, at) => bytes[at] === byte))

/** The metadata of a trace; empty if the tracer was interrupted early. */
const readMetadata = (path: string): Effect.Effect<Uint8Array, TraceUnreadable> =>
  Effect.gen(function* () {
    const bytes = yield* read(path)
    if (isMetadata(bytes)) return bytes
    return yield* new TraceUnreadable({ path, reason: "not the metadata of a trace" })
  })

/** The bytes of an index file; undefined if there is none. */
const readIndex = (path: string): Effect.Effect<Uint8Array | undefined, TraceUnreadable> =>
  attempt(path, () =>
    readFile(pathOf(path)).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return undefined
      throw cause
    })
  )

const parseIndex = (
  path: string,
  bytes: Uint8Array
): Effect.Effect<Pick<DataFile, "packets" | "index">, TraceUnreadable> => {
  const refuse = (reason: string) => Effect.fail(new TraceUnreadable({ path, reason }))
  if (bytes.length < CtfIndex.headerSize) return refuse("index shorter than its header")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { magic, indexMajor, indexMinor, packetIndexLength } = CtfIndex.header.read(view, 0)
  if (magic !== CtfIndex.magic || indexMajor !== 1) return refuse("not a CTF index 1.x")
  const isShort = indexMinor === 0
  const record = isShort ? CtfIndex.record10 : CtfIndex.record11
  if (packetIndexLength < record.size) return refuse(`index records of ${packetIndexLength} bytes`)
  const packets: Array<PacketRecord> = []
  for (let at = CtfIndex.headerSize; at + packetIndexLength <= bytes.length; at += packetIndexLength) {
    packets.push({ streamInstanceId: undefined, packetSeqNum: undefined, ...record.read(view, at) })
  }
  return Effect.succeed({ packets, index: isShort ? "1.0" : "1.1" })
}

/** Most heads are much shorter. */
const windowBytes = 4096

/** Exactly `count` bytes, or as many as the file has. */
const readAt = async (file: FileHandle, at: number, count: number): Promise<Uint8Array> => {
  const bytes = Buffer.allocUnsafe(count)
  let done = 0
  while (done < count) {
    const { bytesRead } = await file.read(bytes, done, count - done, at + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done)
}

/** How the metadata lays out packets; what can be understood of it is enough. */
const planOf = (metadata: Uint8Array): TracePlan | undefined => {
  const declared = new GrowingMetadata()
  declared.append(metadata)
  return declared.traceClass === undefined ? undefined : new TracePlan(declared.traceClass)
}

/** Finds packets by their own heads, up to the first place that has none. */
const scan = (
  path: string,
  byteCount: number,
  plan: TracePlan | undefined
): Effect.Effect<ReadonlyArray<PacketRecord>, TraceUnreadable> =>
  attempt(path, async () => {
    const packets: Array<PacketRecord> = []
    if (plan === undefined) return packets
    const window = new FileWindow({ path, byteCount }, { windowBytes, isKept: false, isHeld: true })
    try {
      const stream = new DataStream(path, plan)
      for (let at = 0; at < byteCount && stream.open(window.from(at)); at += stream.totalBits / 8) {
        const { discarded, endTime, sequence, streamClassId, streamId } = stream.cursor
        if (!stream.hasBegin || endTime === undefined || endTime < stream.beginCycles) break
        packets.push({
          offset: BigInt(at),
          packetSize: BigInt(stream.totalBits),
          contentSize: BigInt(stream.cursor.contentBits ?? stream.totalBits),
          timestampBegin: BigInt(stream.beginCycles),
          timestampEnd: BigInt(endTime),
          eventsDiscarded: BigInt(discarded ?? 0),
          streamId: BigInt(streamClassId ?? 0),
          streamInstanceId: streamId === undefined ? undefined : BigInt(streamId),
          packetSeqNum: sequence === undefined ? undefined : BigInt(sequence)
        })
      }
    } finally {
      window.release()
    }
    return packets
  })

const openData = (
  directory: string,
  name: string,
  plan: () => TracePlan | undefined
): Effect.Effect<DataFile, TraceUnreadable> =>
  Effect.gen(function* () {
    const location = join(directory, name)
    const byteCount = yield* attempt(location, async () => {
      const file = await openFile(pathOf(location))
      return file
        .stat()
        .then(({ size }) => size)
        .finally(() => file.close())
    })
    const indexPath = CtfIndex.pathOf(location)
    const index = yield* readIndex(indexPath)
    if (index !== undefined) return { name, location, byteCount, ...(yield* parseIndex(indexPath, index)) }
    return { name, location, byteCount, packets: yield* scan(location, byteCount, plan()), index: "none" as const }
  })

/** Path of a trace below its chunk; if it is `root` itself, what its directory's path has in common with such paths. */
const tracePath = (root: string, directory: string): string => {
  const path = relative(root, directory)
  if (path !== "") return path
  return /(?:^|\/)(kernel|ust\/(?:uid\/[^/]+|pid)\/[^/]+)$/.exec(directory)?.[1] ?? basename(directory)
}

/** Finds the traces below a directory: every directory that has files must be one. */
const findTraces = (
  root: string,
  directory: string,
  skip: ReadonlySet<string>,
  found: Array<Trace> = []
): Effect.Effect<ReadonlyArray<Trace>, TraceUnreadable> =>
  Effect.gen(function* () {
    const entries = yield* list(directory, root)
    const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name)
    if (names.length > 0) {
      const isTrace = names.includes("metadata")
      if (!isTrace) return yield* new TraceUnreadable({ path: directory, reason: "not a trace: no metadata" })
      const metadata = yield* readMetadata(join(directory, "metadata"))
      let known: { readonly plan: TracePlan | undefined } | undefined
      const plan = () => {
        known ??= { plan: planOf(metadata) }
        return known.plan
      }
      found.push({
        path: tracePath(root, directory),
        metadata,
        files: yield* Effect.forEach(
          names.filter((name) => name !== "metadata"),
          (name) => openData(directory, name, plan)
        )
      })
    }
    for (const { name } of entries.filter((entry) => entry.isDirectory() && entry.name !== "index")) {
      const below = join(directory, name)
      if (!skip.has(below)) yield* findTraces(root, below, skip, found)
    }
    return found
  })

const bytesOf = (chunks: ReadonlyArray<Chunk>): number => {
  let count = 0
  for (const { traces } of chunks) {
    for (const { files, metadata } of traces) {
      count += metadata?.length ?? 0
      for (const { byteCount } of files) count += byteCount
    }
  }
  return count
}

/** Which directories of a session are its chunks. */
const chunkDirectories = (directory: string): Effect.Effect<ReadonlyArray<string>, TraceUnreadable> =>
  Effect.gen(function* () {
    const entries = (yield* list(directory, directory)).filter((entry) => entry.isDirectory())
    const archives = entries.some(({ name }) => name === "archives")
      ? yield* list(join(directory, "archives"), directory)
      : []
    return [
      ...archives.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, "archives", name)),
      ...entries.map(({ name }) => join(directory, name))
    ].filter((path) => parseChunkName(basename(path)) !== undefined)
  })

/**
 * Reads what is below `path`: names, sizes, metadata and indexes now, packets when they are asked for (`reader`). Fails
 * if there is no trace, or an index is damaged.
 */
export const open = (path: string): Effect.Effect<Recording, TraceUnreadable> =>
  Effect.gen(function* () {
    const directory = resolve(path)
    const named = yield* chunkDirectories(directory)
    const chunks: Array<Chunk> = []
    for (const chunk of named) {
      const traces = yield* findTraces(chunk, chunk, new Set())
      chunks.push({ directory: chunk, name: parseChunkName(basename(chunk)), traces })
    }
    chunks.sort((a, b) => ((a.name?.id ?? 0n) < (b.name?.id ?? 0n) ? -1 : 1))
    const skip = new Set([...named, join(directory, "archives")])
    const traces = yield* findTraces(directory, directory, skip)
    if (traces.length > 0) chunks.push({ directory, name: undefined, traces })
    if (chunks.length === 0) return yield* new TraceUnreadable({ path, reason: "no LTTng trace here" })
    return { directory, chunks, byteCount: bytesOf(chunks) }
  })

/** Reads exactly `count` bytes of a data file, from byte `at` on. */
export type ReadBytes = (at: number, count: number) => Effect.Effect<Uint8Array, TraceUnreadable>

/** Opens a data file until the scope closes. A read fails if the file has fewer bytes there. */
export const reader = ({ location }: DataFile): Effect.Effect<ReadBytes, TraceUnreadable, Scope.Scope> =>
  Effect.acquireRelease(
    attempt(location, () => openFile(pathOf(location))),
    (file) => Effect.promise(() => file.close())
  ).pipe(
    Effect.map(
      (file): ReadBytes =>
        (at, count) =>
          Effect.flatMap(
            // A read in flight must not outlive its descriptor.
            Effect.uninterruptible(attempt(location, () => readAt(file, at, count))),
            (bytes) =>
              bytes.length === count
                ? Effect.succeed(bytes)
                : Effect.fail(new TraceUnreadable({ path: location, reason: `ends before byte ${at + count}` }))
          )
    )
  )
