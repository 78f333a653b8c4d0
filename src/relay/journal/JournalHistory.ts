/**
 * The history of a journal: what a relay writes down while it carries the journal out, so that after a crash it can
 * come to the same state again (docs/edge.md). It has every record, with only the length of packets and metadata. A
 * mark says that the trace files are complete up to there; a list of the renames since the mark lies beside it
 * (`Retraceable`).
 *
 * It stays short in two ways. If only packets, indexes and metadata came between two marks, for the same files, the
 * position of each stream is written instead (`Advance`). And once it has grown, it is rewritten with just what is open
 * (`Abridgement`).
 */
import { Effect, Schema } from "effect"
import * as Header from "../../protocol/Header.ts"
import { headBytes, Kind, type Unsealed } from "../../protocol/journal/Record.ts"
import * as Text from "../../protocol/Text.ts"
import { FileFailed, type OpenFile } from "../../storage/Files.ts"
import { Watch } from "../../storage/Retraceable.ts"
import type { Holding } from "./CommonMemory.ts"
import {
  type Advance,
  advance,
  advanceOf,
  bytesOf,
  type Entry,
  isPlain,
  keptBytes,
  mark,
  named,
  path,
  writeHead
} from "./HistoryRecord.ts"
import { create, directoryOf, pathsOf, remove, type Store, syncNames } from "./JournalFiles.ts"
import { seal, seedOf } from "./Seals.ts"

/** It is abridged when it is twice as long as after the last time, or as this. */
const grownBytesMin = 4096
/** A longer history is given up. It takes some hundred thousand open streams, or a session that never comes to rest. */
export const historyBytesMax = 64 * 1024 * 1024
/** Of all journals together. What follows the last mark is in memory, and without rest there are no marks. */
export const unmarkedBytesMax = 256 * 1024 * 1024
/** By how much the memory for it grows at once, at most. */
const growthBytesMax = 16 * 1024 * 1024

export const About = Schema.Struct({
  edgeName: Schema.String,
  /** `address:port`. With the certificate below it says whose rights its sessions have. */
  peer: Schema.String,
  /** Seconds since 1970: when sessions began that do not say it themselves. */
  begunAt: Schema.optionalKey(Schema.Finite),
  certificate: Schema.optionalKey(
    Schema.Struct({
      subject: Schema.String,
      alternativeNames: Schema.Array(Schema.String),
      keyHash: Schema.String
    })
  )
})
export interface About extends Schema.Schema.Type<typeof About> {}

/** Files that it keeps open: itself, and the list of renames. */
const fileCount = 2

const nothing = Buffer.alloc(0)

/** An abridged history: the records that bring a later relay to where this one is. */
export interface Abridged {
  readonly entries: ReadonlyArray<Entry>
  /** To be called when it is written. */
  readonly onDone: () => void
}

/** A buffer of at most so many bytes is kept for what follows the mark. */
const keptMemoryMax = 256 * 1024

export interface Begun {
  readonly token: string
  /** The text of `About` as it is in its file. */
  readonly about: string
  readonly file: OpenFile
  readonly watch: Watch
  /** Where the file ends. */
  readonly position: number
  readonly isSynced: boolean
}

export class JournalHistory {
  readonly #store: Store
  readonly #token: string
  #file: OpenFile
  readonly #watch: Watch
  readonly #isSynced: boolean
  readonly #seed: number
  #position: number
  /** Its length when it was abridged last. */
  #abridgedBytes = 0
  /** By the edge's handle: the position of each stream that was written last. */
  readonly #positions = new Map<bigint, Buffer>()
  /** Since the last mark only such records came as `isPlain` says. */
  #isPlain = true
  /** Data connections whose first packet is in the history: it says which session they belong to. */
  readonly #spoken = new Set<number>()
  /** Will be written with the next mark: the first `#filled` bytes. */
  #pending: Buffer = nothing
  #filled = 0
  /** Memory of a mark that is being written. */
  #writing: Buffer = nothing
  #holding: Holding | undefined

  constructor(store: Store, { about, file, isSynced, position, token, watch }: Begun) {
    this.#store = store
    this.#token = token
    this.#seed = seedOf(token, about)
    this.#file = store.roomWait.file(file)
    this.#watch = watch
    this.#position = position
    this.#isSynced = isSynced
    store.retraceable.watches.add(watch)
    store.pool.reserve(fileCount)
  }

  /** To be called before the record is carried out, since that changes its bytes. */
  append(number: number, kind: number, connection: number, bytes: Buffer, from: number, to: number): void {
    const byteCount = to - from
    const command = kind === Kind.command ? bytes.readUInt32BE(from + Header.offsets.command) : 0
    if (!isPlain(kind, command) || (kind === Kind.packet && !this.#spoken.has(connection))) this.#isPlain = false
    if (kind === Kind.packet) this.#spoken.add(connection)
    if (kind === Kind.data) this.#spoken.delete(connection)
    this.#add({ number, byteCount, kind, connection }, bytes, from, from + keptBytes(kind, byteCount, command))
  }

  /** From now on renames below the path are recorded. */
  watch(outputPath: string): void {
    const prefix = directoryOf(this.#store, outputPath)
    if (this.#watch.prefixes.has(prefix)) return
    this.#put(outputPath, 0)
    this.#watch.prefixes.add(prefix)
  }

  /** A snapshot has this path, or streams of others; it lies in one that is watched. */
  name(outputPath: string): void {
    this.#put(outputPath, named)
  }

  #put(outputPath: string, connection: number): void {
    const bytes = Buffer.from(Text.bytesOf(outputPath))
    this.#isPlain = false
    this.#add({ number: 0, byteCount: bytes.length, kind: path, connection }, bytes, 0, bytes.length)
  }

  /** So long is its file. */
  get byteCount(): number {
    return this.#position
  }

  /** Absolute: below them renames are recorded. */
  get directories(): Iterable<string> {
    return this.#watch.prefixes
  }

  /** Records renames below the paths of `entries` only: other sessions have ended. */
  #watchOnly(entries: ReadonlyArray<Entry>): void {
    const { prefixes } = this.#watch
    const paths = entries.filter(({ kind }) => kind === path).map(({ bytes }) => Text.textOf(bytes))
    prefixes.clear()
    for (const outputPath of paths) prefixes.add(directoryOf(this.#store, outputPath))
  }

  #add(value: Unsealed, bytes: Buffer, from: number, to: number): void {
    const end = this.#filled + headBytes + to - from
    if (end > this.#pending.length) {
      const larger = Buffer.allocUnsafeSlow(end + Math.min(end, growthBytesMax))
      this.#pending.copy(larger, 0, 0, this.#filled)
      this.#hold(larger)
    }
    writeHead(this.#pending, this.#filled, value)
    bytes.copy(this.#pending, this.#filled + headBytes, from, to)
    this.#filled = end
  }

  #hold(memory: Buffer, writing = this.#writing): void {
    const beyond = ({ length }: Buffer) => Math.max(0, length - keptMemoryMax)
    this.#pending = memory
    this.#writing = writing
    this.#holding?.set(beyond(memory) + beyond(writing))
  }

  /** What it has in memory, beyond what each may, is held there. */
  heldIn(holding: Holding): void {
    this.#holding = holding
  }

  /** It has become too long, or all journals of its owner together have. */
  get isLong(): boolean {
    const isMuch = this.#filled > keptMemoryMax && this.#holding?.isTooMuch === true
    return isMuch || this.#position + this.#filled > historyBytesMax
  }

  /**
   * The trace files are complete up to record `number`. `positions`: where all streams are, if none was begun, closed
   * or went to another file since the last mark. `abridge` is asked when it has grown long.
   */
  mark(
    number: number,
    positions?: ReadonlyArray<Advance>,
    abridge?: () => Abridged | undefined
  ): Effect.Effect<void, FileFailed> {
    const written = Effect.gen({ self: this }, function* () {
      const isReplacing = positions !== undefined && this.#isPlain
      if (isReplacing) this.#replace(number, positions)
      else this.#positions.clear()
      this.#add({ number, byteCount: 0, kind: mark, connection: 0 }, nothing, 0, 0)
      const memory = this.#pending
      const bytes = memory.subarray(0, this.#filled)
      seal(bytes, this.#filled - headBytes, this.#seed)
      this.#hold(nothing, memory)
      this.#filled = 0
      const abridged = this.#isGrownBy(bytes.length) ? abridge?.() : undefined
      if (abridged !== undefined && (yield* this.#rewrite(number, abridged.entries))) {
        this.#positions.clear()
        this.#watchOnly(abridged.entries)
        abridged.onDone()
      } else {
        yield* this.#file.write([bytes], this.#position)
        if (this.#isSynced) yield* this.#file.sync
        this.#position += bytes.length
      }
      this.#isPlain = true
      const isKept = this.#filled === 0 && memory.length <= keptMemoryMax
      this.#hold(isKept ? memory : this.#pending, nothing)
    })
    return this.#watch.marked(number, written)
  }

  /**
   * As `mark`, where what was put down since the last one does not lead to what is there: it is dropped. False: that
   * failed, and all is as it was.
   */
  abridge(number: number, { entries, onDone }: Abridged): Effect.Effect<boolean, FileFailed> {
    const failed = new FileFailed({ operation: "abridge", path: this.#token, code: "ECANCELED" })
    const written = Effect.gen({ self: this }, function* () {
      const dropped = this.#filled
      if (!(yield* this.#rewrite(number, entries))) return yield* failed
      this.#pending.copyWithin(0, dropped, this.#filled)
      this.#filled -= dropped
      if (this.#filled === 0 && this.#pending.length > keptMemoryMax) this.#hold(nothing)
      this.#positions.clear()
      this.#watchOnly(entries)
      this.#isPlain = this.#filled === 0
      onDone()
    })
    const isFailed = (failure: FileFailed) => failure === failed
    return Effect.catchIf(Effect.as(this.#watch.marked(number, written), true), isFailed, () => Effect.succeed(false))
  }

  #isGrownBy(byteCount: number): boolean {
    return this.#position + byteCount > 2 * Math.max(grownBytesMin, this.#abridgedBytes)
  }

  /** Drops what has gathered, and writes the positions of the streams that have moved instead. */
  #replace(number: number, positions: ReadonlyArray<Advance>): void {
    this.#filled = 0
    for (const { position, stream } of positions) {
      const bytes = advanceOf(stream, position)
      if (this.#positions.get(stream)?.equals(bytes) === true) continue
      this.#positions.set(stream, bytes)
      this.#add({ number, byteCount: bytes.length, kind: advance, connection: 0 }, bytes, 0, bytes.length)
    }
  }

  /** Replaces the history by `abridged` and a mark. False: that failed, and it is as it was. */
  #rewrite(number: number, abridged: ReadonlyArray<Entry>): Effect.Effect<boolean> {
    const { fresh, history } = pathsOf(this.#store, this.#token)
    const files = this.#store.retraceable.plain
    const bytes = bytesOf([...abridged, { kind: mark, connection: 0, bytes: nothing }], number)
    seal(bytes, bytes.length - headBytes, this.#seed)
    const written = (file: OpenFile) =>
      Effect.gen({ self: this }, function* () {
        yield* file.write([bytes], 0)
        if (this.#isSynced) yield* file.sync
        yield* files.rename(fresh, history)
        const before = this.#file
        this.#file = this.#store.roomWait.file(file)
        this.#position = bytes.length
        this.#abridgedBytes = bytes.length
        yield* before.close
        if (this.#isSynced) yield* syncNames(this.#store)
      })
    return Effect.gen({ self: this }, function* () {
      const before = this.#file
      const file = yield* files.open(fresh, "create")
      const isWritten = yield* Effect.match(written(file), {
        onSuccess: () => true,
        onFailure: () => this.#file !== before
      })
      if (!isWritten) yield* Effect.andThen(file.close, Effect.ignore(files.unlink(fresh)))
      return isWritten
    }).pipe(Effect.orElseSucceed(() => false))
  }

  /** Nothing more is added; the files stay. Once: by then their descriptors may be those of others. */
  get close(): Effect.Effect<void> {
    const closed = Effect.suspend(() => {
      const { pool, retraceable } = this.#store
      if (!retraceable.watches.delete(this.#watch)) return Effect.void
      pool.reserve(-fileCount)
      this.#hold(nothing, nothing)
      this.#filled = 0
      return Effect.andThen(this.#file.close, this.#watch.close)
    })
    return Effect.uninterruptible(closed)
  }

  /** It is not needed any more: closes and removes it. */
  get forget(): Effect.Effect<void> {
    return Effect.andThen(this.close, remove(this.#store, this.#token))
  }
}

/** Begins the history of a new journal. */
export const begin = (
  store: Store,
  token: string,
  about: About,
  isSynced: boolean
): Effect.Effect<JournalHistory, FileFailed> =>
  Effect.gen(function* () {
    const files = store.roomWait.files(store.pool.files(store.retraceable.plain), () => true)
    const paths = pathsOf(store, token)
    const described = store.roomWait.file(yield* create(store, paths.about, files))
    const text = JSON.stringify(about)
    const written = described.write([Buffer.from(text)], 0)
    // It is nothing without the others, so what a mark promises needs them, too.
    yield* Effect.ensuring(isSynced ? Effect.andThen(written, described.sync) : written, described.close)
    const changes = store.roomWait.file(yield* files.open(paths.changes, "create"))
    const file = yield* Effect.onError(files.open(paths.history, "create"), () => changes.close)
    const watch = new Watch(changes, { isSynced, base: store.output, party: token })
    if (isSynced) yield* Effect.onError(syncNames(store), () => Effect.andThen(file.close, watch.close))
    return new JournalHistory(store, { token, about: text, file, watch, position: 0, isSynced })
  })
