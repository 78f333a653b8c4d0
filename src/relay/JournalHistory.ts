/**
 * What a relay puts down of a journal while it carries it out (docs/edge.md), to come to the same place again after it
 * was killed: every record but for the bytes of packets and metadata, of which it keeps the length. A mark says up to
 * where the trace files are complete. Beside it lie the changes of names since then, which are taken back first.
 */
import { Effect, Option, Schema } from "effect"
import * as SendMetadata from "../protocol/control/SendMetadata.ts"
import * as PacketHeader from "../protocol/data/PacketHeader.ts"
import * as Header from "../protocol/Header.ts"
import { type Head, headBytes, Kind, offsets } from "../protocol/journal/Record.ts"
import { u64At } from "../protocol/Struct.ts"
import type { FileFailed, Files, OpenFile } from "../storage/Files.ts"
import { Watch } from "../storage/Retraceable.ts"
import type { TraceStore } from "../storage/TraceStore.ts"

/** Below the output directory. */
const place = ".journals"

/** Of a record that is a mark: its number is how far the files go. */
const mark = 0xffff
/** Of a record that is the path of a session, which has been made. */
const path = 0xfffe

export const About = Schema.Struct({
  edgeName: Schema.String,
  /** `address:port`, and the certificate it showed: whose rights its sessions have. */
  peer: Schema.String,
  certificate: Schema.optionalKey(
    Schema.Struct({
      subject: Schema.String,
      alternativeNames: Schema.Array(Schema.String),
      keyHash: Schema.String
    })
  )
})
export interface About extends Schema.Schema.Type<typeof About> {}

const decodeAbout = Schema.decodeUnknownOption(Schema.fromJsonString(About))

/** Bytes of a payload that are kept. */
const keptBytes = (kind: number, byteCount: number, command: number): number => {
  if (kind === Kind.rest) return 0
  if (kind === Kind.packet) return PacketHeader.size
  if (kind !== Kind.command || command !== SendMetadata.number) return byteCount
  return Math.min(byteCount, Header.size + SendMetadata.headerSize)
}

const nothing = Buffer.alloc(0)

/** Of what is put down: memory that is kept for the next. */
const keptMemoryMax = 256 * 1024

type Store = TraceStore["Service"]

const pathsOf = (store: Store, token: string) => {
  const at = (suffix: string) => `${store.output}/${place}/${token}.${suffix}`
  return { about: at("json"), history: at("history"), changes: at("changes"), finished: at("finished") }
}

export class JournalHistory {
  readonly #store: Store
  readonly #token: string
  readonly #file: OpenFile
  readonly #watch: Watch
  readonly #isSynced: boolean
  #position: number
  /** What is put down with the next mark. */
  #pending = nothing
  #filled = 0

  constructor(store: Store, token: string, file: OpenFile, watch: Watch, position: number, isSynced: boolean) {
    this.#store = store
    this.#token = token
    this.#file = file
    this.#watch = watch
    this.#position = position
    this.#isSynced = isSynced
    store.retraceable.watches.add(watch)
  }

  /** Before the record is carried out, which changes it. */
  append(number: number, kind: number, connection: number, bytes: Buffer, from: number, to: number): void {
    const byteCount = to - from
    const command = kind === Kind.command ? bytes.readUInt32BE(from + Header.offsets.command) : 0
    this.#add({ number, byteCount, kind, connection }, bytes, from, from + keptBytes(kind, byteCount, command))
  }

  /** Changes of names below it are put down from now on. */
  watch(outputPath: string): void {
    const bytes = Buffer.from(outputPath)
    this.#add({ number: 0, byteCount: bytes.length, kind: path, connection: 0 }, bytes, 0, bytes.length)
    this.#watch.prefixes.add(`${this.#store.output}/${outputPath}`)
  }

  #add(value: Value, bytes: Buffer, from: number, to: number): void {
    const end = this.#filled + headBytes + to - from
    if (end > this.#pending.length) {
      const larger = Buffer.allocUnsafeSlow(2 * end)
      this.#pending.copy(larger, 0, 0, this.#filled)
      this.#pending = larger
    }
    writeHead(this.#pending, this.#filled, value)
    bytes.copy(this.#pending, this.#filled + headBytes, from, to)
    this.#filled = end
  }

  /** The trace files are complete up to record `number`. */
  mark(number: number): Effect.Effect<void, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      this.#add({ number, byteCount: 0, kind: mark, connection: 0 }, nothing, 0, 0)
      const memory = this.#pending
      const bytes = memory.subarray(0, this.#filled)
      this.#pending = nothing
      this.#filled = 0
      yield* this.#file.write([bytes], this.#position)
      if (this.#isSynced) yield* this.#file.sync
      this.#position += bytes.length
      if (this.#filled === 0 && memory.length <= keptMemoryMax) this.#pending = memory
      yield* this.#watch.advance(number)
    })
  }

  /** The relay ends, or goes on without it: what is there stays. */
  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#store.retraceable.watches.delete(this.#watch)
      return Effect.andThen(this.#file.close, this.#watch.close)
    })
  }

  /** It was not carried out to its end, and will not be. */
  get forget(): Effect.Effect<void> {
    return Effect.andThen(this.close, remove(this.#store, this.#token))
  }

  /** The journal is over; that is remembered until the edge knows. */
  get finish(): Effect.Effect<void> {
    const { finished } = pathsOf(this.#store, this.#token)
    const said = Effect.flatMap(this.#store.retraceable.plain.open(finished, "create"), (file) => file.close)
    return Effect.andThen(this.close, Effect.andThen(Effect.ignore(said), remove(this.#store, this.#token)))
  }
}

type Value = Pick<Head, "byteCount" | "kind" | "connection"> & { readonly number: number }

const writeHead = (into: Buffer, at: number, { byteCount, connection, kind, number }: Value): void => {
  into.writeUInt32BE(Math.floor(number / 2 ** 32), at)
  into.writeUInt32BE(number % 2 ** 32, at + 4)
  into.writeUInt32BE(byteCount, at + offsets.byteCount)
  into.writeUInt16BE(kind, at + offsets.kind)
  into.writeUInt16BE(connection, at + offsets.connection)
  into.fill(0, at + offsets.payloadSum, at + headBytes)
}

const remove = (store: Store, token: string): Effect.Effect<void> => {
  const files = store.retraceable.plain
  const { about, changes, history } = pathsOf(store, token)
  return Effect.gen(function* () {
    for (const path of [history, changes, about]) yield* Effect.ignore(files.unlink(path))
    yield* Effect.ignore(files.removeDirectory(`${store.output}/${place}`))
  })
}

/** The edge knows that the journal is over, and will not ask for it again. */
export const forget = (store: Store, token: string): Effect.Effect<void> => {
  const files = store.retraceable.plain
  const unlinked = Effect.ignore(files.unlink(pathsOf(store, token).finished))
  return Effect.andThen(unlinked, Effect.ignore(files.removeDirectory(`${store.output}/${place}`)))
}

/** Of a new journal. */
export const begin = (
  store: Store,
  token: string,
  about: About,
  isSynced: boolean
): Effect.Effect<JournalHistory, FileFailed> =>
  Effect.gen(function* () {
    const files = store.retraceable.plain
    const paths = pathsOf(store, token)
    yield* files.makeDirectory(`${store.output}/${place}`)
    const described = yield* files.open(paths.about, "create")
    yield* Effect.ensuring(described.write([Buffer.from(JSON.stringify(about))], 0), described.close)
    const watch = new Watch(yield* files.open(paths.changes, "create"))
    return new JournalHistory(store, token, yield* files.open(paths.history, "create"), watch, 0, isSynced)
  })

// ---- after a relay that was killed ---------------------------------------------------------------------------------

export interface Found {
  readonly token: string
  readonly about: About
  /** The last record that was carried out and is in the files. */
  readonly marked: number
  /** Absolute paths of its sessions. */
  readonly directories: ReadonlySet<string>
  /** Goes through the records up to it. `bytes[from, to)` is the payload, with zeros where it was left out. */
  readonly replay: (each: EachRecord) => Effect.Effect<void, FileFailed>
  /** Takes back what was done to names since. */
  readonly takeBack: Effect.Effect<void>
  /** Puts down what follows. */
  readonly goOn: Effect.Effect<JournalHistory, FileFailed>
}

export type EachRecord = (
  number: number,
  kind: number,
  connection: number,
  bytes: Buffer,
  from: number,
  to: number
) => Effect.Effect<void>

/** Longer than any record. */
const windowBytes = 2 * 1024 * 1024

const storedBytes = (bytes: Buffer, at: number, end: number): number | undefined => {
  const kind = bytes.readUInt16BE(at + offsets.kind)
  const payload = at + headBytes
  const commandAt = payload + Header.offsets.command
  if (kind === Kind.command && commandAt + 4 > end) return undefined
  const command = kind === Kind.command ? bytes.readUInt32BE(commandAt) : 0
  return kind === mark ? 0 : keptBytes(kind, bytes.readUInt32BE(at + offsets.byteCount), command)
}

/** Calls `each` with where each whole record begins, and where the file is then; until it answers false. */
const walk = (
  file: OpenFile,
  each: (bytes: Buffer, at: number, stored: number, offset: number) => Effect.Effect<boolean>
): Effect.Effect<void, FileFailed> =>
  Effect.gen(function* () {
    const window = Buffer.alloc(windowBytes)
    let offset = 0
    while (true) {
      const count = yield* file.read(window, offset)
      let at = 0
      while (at + headBytes <= count) {
        const stored = storedBytes(window, at, count)
        if (stored === undefined || at + headBytes + stored > count) break
        if (!(yield* each(window, at, stored, offset + at))) return
        at += headBytes + stored
      }
      if (at === 0) return
      offset += at
    }
  })

const replay = (file: OpenFile, marked: number, each: EachRecord): Effect.Effect<void, FileFailed> => {
  // What was left out of a payload reads as zeros.
  const payload = Buffer.alloc(windowBytes)
  return walk(file, (bytes, at, stored) => {
    const number = u64At(bytes, at)
    const kind = bytes.readUInt16BE(at + offsets.kind)
    if (kind === mark) return Effect.succeed(number < marked)
    if (kind === path) return Effect.succeed(true)
    const byteCount = bytes.readUInt32BE(at + offsets.byteCount)
    payload.fill(0, 0, Math.min(byteCount, stored + 64))
    bytes.copy(payload, 0, at + headBytes, at + headBytes + stored)
    const connection = bytes.readUInt16BE(at + offsets.connection)
    return Effect.as(each(number, kind, connection, payload, 0, byteCount), true)
  })
}

const textOf = (files: Files["Service"], path: string): Effect.Effect<string> =>
  Effect.gen(function* () {
    const file = yield* files.open(path, "read")
    const bytes = Buffer.alloc(yield* files.size(path))
    const count = yield* Effect.ensuring(file.read(bytes, 0), file.close)
    return bytes.toString("utf8", 0, count)
  }).pipe(Effect.orElseSucceed(() => ""))

const find = (store: Store, token: string, isSynced: boolean): Effect.Effect<Found | undefined, FileFailed> =>
  Effect.gen(function* () {
    const files = store.retraceable.plain
    const paths = pathsOf(store, token)
    const about = Option.getOrUndefined(decodeAbout(yield* textOf(files, paths.about)))
    const file = yield* files.open(paths.history, "continue")
    let marked = 0
    let end = 0
    const directories = new Set<string>()
    yield* walk(file, (bytes, at, stored, offset) => {
      const kind = bytes.readUInt16BE(at + offsets.kind)
      if (kind === path) {
        directories.add(`${store.output}/${bytes.toString("utf8", at + headBytes, at + headBytes + stored)}`)
      }
      if (kind === mark) {
        marked = u64At(bytes, at)
        end = offset + headBytes
      }
      return Effect.succeed(true)
    })
    if (about === undefined || marked === 0) {
      yield* file.close
      yield* remove(store, token)
      return undefined
    }
    yield* file.truncate(end)
    const changes = yield* textOf(files, paths.changes)
    const goOn = Effect.gen(function* () {
      const watch = new Watch(yield* files.open(paths.changes, "create"))
      watch.after = marked
      for (const directory of directories) watch.prefixes.add(directory)
      return new JournalHistory(store, token, file, watch, end, isSynced)
    })
    return {
      token,
      about,
      marked,
      directories,
      replay: (each) => replay(file, marked, each),
      takeBack: store.retraceable.takeBack(changes, marked),
      goOn
    }
  })

/** Journals that an earlier relay has finished, and whose edges may not know. */
export const findFinished = (store: Store): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(
    Effect.orElseSucceed(store.retraceable.plain.list(`${store.output}/${place}`), () => []),
    (entries) => entries.flatMap(({ name }) => /^(.*)\.finished$/.exec(name)?.[1] ?? [])
  )

/** Journals that an earlier relay was carrying out. */
export const findAll = (store: Store, isSynced: boolean): Effect.Effect<ReadonlyArray<Found>, FileFailed> =>
  Effect.gen(function* () {
    const files = store.retraceable.plain
    const entries = yield* Effect.orElseSucceed(files.list(`${store.output}/${place}`), () => [])
    const finished = new Set(yield* findFinished(store))
    const found: Array<Found> = []
    for (const { name } of entries) {
      const token = /^(.*)\.history$/.exec(name)?.[1]
      if (token !== undefined && finished.has(token)) {
        yield* remove(store, token)
        continue
      }
      const journal = token === undefined ? undefined : yield* find(store, token, isSynced)
      if (journal !== undefined) found.push(journal)
    }
    return found
  })
