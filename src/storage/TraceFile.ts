/**
 * A file of a trace, open as far as its owner knows: the pool may close it (`suspend`), and its next use opens it again
 * by its name. Operations take their turns at its device.
 */
import { Effect } from "effect"
import { clockMillis, queueMicrotask } from "../Machine.ts"
import type { BesideWrite, Piece } from "../memory/Piece.ts"
import type { DeviceFigures, Operation } from "./DeviceFigures.ts"
import type { FilePool, Holder } from "./FilePool.ts"
import { FileFailed, isPrompt, type Look, type OpenFile, type OpenMode } from "./Files.ts"
import { anyInode } from "./ShadowFiles.ts"

/** Where files lie, each by its name there. */
export interface Place {
  /** Opens the file again where it lies now. */
  readonly reopen: (name: string, mode: OpenMode) => Effect.Effect<OpenFile, FileFailed>
  /** Repeats an operation while that is worth it (`RoomWait`); between two attempts it has no place on the device. */
  readonly patiently: <A>(name: string, operation: Effect.Effect<A, FileFailed>) => Effect.Effect<A, FileFailed>
}

/** Counts and times an operation whose turn has come. */
const timed = <A>(figures: DeviceFigures, kind: Operation | undefined, operation: Effect.Effect<A, FileFailed>) =>
  Effect.suspend(() => {
    if (kind === undefined) return operation
    const begunAt = figures.begin()
    return Effect.onExit(operation, (exit) =>
      Effect.sync(() => {
        figures.end(kind, begunAt)
        const [reason] = exit._tag === "Failure" ? exit.cause.reasons : []
        if (reason?._tag === "Fail") figures.failed(reason.error.code)
      })
    )
  })

export class TraceFile implements BesideWrite, Holder {
  readonly #pool: FilePool
  #figures: DeviceFigures
  readonly #place: Place
  readonly #name: string
  readonly #isWriter: boolean
  /** Undefined while its descriptor is given back to the pool. */
  #open: OpenFile | undefined
  /** What another thread writes to it, and since when. */
  #beside: BesideWrite | undefined
  #besideBegunAt: number | undefined
  #besideBytes = 0
  #onBesideDone: (() => void) | undefined
  /** The inode that its name must still lead to when it is opened again. */
  #inode: number
  /** Operations that are under way. */
  #userCount = 0
  /** Its owner has closed it: the last operation gives the descriptor back. */
  #isClosed = false

  /** `opened` was admitted to `pool`. */
  constructor(pool: FilePool, opened: OpenFile, place: Place, name: string, isWriter: boolean) {
    this.#pool = pool
    this.#open = opened
    this.#inode = opened.inode
    this.#figures = pool.figures.of(opened.device)
    this.#place = place
    this.#name = name
    this.#isWriter = isWriter
    pool.setIdle(this)
  }

  get device(): number {
    return this.#figures.id
  }

  /** No file of the disk was ever open here. */
  get isShadow(): boolean {
    return this.#inode === anyInode
  }

  /** For what may need room. */
  #patiently<A>(operation: Effect.Effect<A, FileFailed>): Effect.Effect<A, FileFailed> {
    return this.#place.patiently(this.#name, operation)
  }

  /** As `OpenFile.write`, the file opened again if need be. */
  write(buffers: ReadonlyArray<Uint8Array>, position: number): Effect.Effect<void, FileFailed> {
    const byteCount = buffers.reduce((sum, { length }) => sum + length, 0)
    return this.#patiently(this.#use("write", byteCount, (file) => file.write(buffers, position)))
  }

  /** Its device keeps nobody waiting: `writeNow` may do something. */
  get isPrompt(): boolean {
    return this.#open !== undefined && isPrompt(this.#open)
  }

  /** See `OpenFile.isNear`; false also while the descriptor is closed. */
  get isNear(): boolean {
    return this.#open?.isNear?.() ?? this.isPrompt
  }

  /** Another thread may write to it. */
  get hasBeside(): boolean {
    const file = this.#open
    return file?.writeBeside !== undefined && (file.hasBeside === undefined || file.hasBeside())
  }

  /** A thread has room for a `writeBeside`. */
  get hasBesideRoom(): boolean {
    return this.#open?.hasBesideRoom?.() === true
  }

  /** See `OpenFile.writeNow`; 0 also while the descriptor is closed. */
  writeNow(bytes: Uint8Array, from: number, to: number, position: number): number {
    const file = this.#open
    if (file?.writeNow === undefined || !isPrompt(file)) return 0
    if (this.#userCount === 0) this.#pool.touch(this)
    const begunAt = clockMillis()
    const count = file.writeNow(bytes, from, to, position)
    this.#figures.took("write", clockMillis() - begunAt)
    this.#figures.wrote("quick", count)
    return count
  }

  /** See `OpenFile.writeBeside`; undefined also while the descriptor is closed. One at a time. */
  writeBeside(pieces: ReadonlyArray<Piece>, position: number, onDone: () => void): BesideWrite | undefined {
    if (this.#userCount === 0 && this.#open !== undefined) this.#pool.touch(this)
    this.#besideBytes = 0
    this.#beside = this.hasBeside ? this.#open?.writeBeside?.(pieces, position, onDone) : undefined
    if (this.#beside === undefined) return undefined
    this.#onBesideDone = onDone
    this.#besideBegunAt = this.#figures.begin()
    return this
  }

  /** Whether the other thread has begun the last `writeBeside`. */
  get isBegun(): boolean {
    return this.#beside?.isBegun !== false
  }

  /** Ends the last `writeBeside` now; answers how many bytes it has written. */
  settle(): number {
    if (this.#beside !== undefined && this.#besideBegunAt !== undefined) {
      // Only once: the device judges by how long each write took.
      this.#besideBytes = this.#beside.settle()
      this.#figures.end("write", this.#besideBegunAt)
      this.#figures.wrote("quick", this.#besideBytes)
      this.#besideBegunAt = undefined
    }
    this.#onBesideDone = undefined
    return this.#besideBytes
  }

  /** Settles a write that somebody else has asked for, who is told as if it had ended by itself. */
  #settleFirst(): void {
    const tell = this.#onBesideDone
    this.settle()
    if (tell !== undefined) queueMicrotask(tell)
  }

  /** As `OpenFile.read`, the file opened again if need be. */
  read(into: Uint8Array, position: number): Effect.Effect<number, FileFailed> {
    return this.#use("read", 0, (file) => file.read(into, position))
  }

  /** As `OpenFile.truncate`, the file opened again if need be. */
  truncate(size: number): Effect.Effect<void, FileFailed> {
    return this.#patiently(this.#use("write", 0, (file) => file.truncate(size)))
  }

  /** As `OpenFile.sync`; also of what was written before the descriptor was given back. */
  get sync(): Effect.Effect<void, FileFailed> {
    return Effect.suspend(() => {
      this.#settleFirst()
      return this.#patiently(this.#use("sync", 0, (file) => file.sync))
    })
  }

  /** As `OpenFile.isRemoved`; false while the descriptor is closed: the next use will tell. */
  get isRemoved(): Effect.Effect<boolean, FileFailed> {
    return Effect.suspend(() =>
      this.#open?.isRemoved === undefined
        ? Effect.succeed(false)
        : this.#use(undefined, 0, (file) => file.isRemoved ?? Effect.succeed(false))
    )
  }

  /** As `OpenFile.look`, the file opened again if need be. */
  get look(): Effect.Effect<Look | undefined, FileFailed> {
    return Effect.suspend(() => this.#use(undefined, 0, (file) => file.look ?? Effect.undefined))
  }

  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#isClosed = true
      return this.#userCount === 0 ? this.suspend : Effect.void
    })
  }

  /** Gives the descriptor back; the next use opens the file again. If one has begun meanwhile, it keeps it. */
  get suspend(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#userCount > 0) return Effect.void
      const file = this.#open
      this.#pool.setBusy(this)
      if (file === undefined) return Effect.void
      // The other thread writes by the descriptor, which is about to be closed.
      this.#settleFirst()
      this.#open = undefined
      return Effect.ensuring(
        file.close,
        Effect.sync(() => this.#pool.left())
      )
    })
  }

  /** In place of a shadow: its figures are those of the device that it is really on. */
  #becomes({ device, inode }: OpenFile): void {
    this.#inode = inode
    this.#figures = this.#pool.figures.of(device)
  }

  /** Not interruptible: a use that was counted must be taken back. */
  #use<A>(
    kind: Operation | undefined,
    byteCount: number,
    operation: (file: OpenFile) => Effect.Effect<A, FileFailed>
  ): Effect.Effect<A, FileFailed> {
    const figures = this.#figures
    const used = Effect.suspend(() => {
      this.#userCount++
      figures.bytesInFlight += byteCount
      this.#pool.setBusy(this)
      const file = this.#open
      // A place on the device is taken only with the descriptor at hand, so places are always given back.
      const gated = (opened: OpenFile) => this.#pool.devices.run(opened.device, timed(figures, kind, operation(opened)))
      const done = file === undefined ? Effect.flatMap(this.#resume, gated) : gated(file)
      return Effect.onExit(done, (exit) => {
        figures.bytesInFlight -= byteCount
        if (byteCount > 0 && exit._tag === "Success") figures.wrote("careful", byteCount)
        return this.#release
      })
    })
    return Effect.uninterruptible(used)
  }

  get #release(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (--this.#userCount > 0) return Effect.void
      if (this.#isClosed) return this.suspend
      if (this.#open !== undefined) this.#pool.setIdle(this)
      return Effect.void
    })
  }

  get #resume(): Effect.Effect<OpenFile, FileFailed> {
    return Effect.uninterruptible(
      Effect.gen({ self: this }, function* () {
        yield* this.#pool.admit
        if (this.#open !== undefined) {
          this.#pool.left()
          return this.#open
        }
        const file = yield* Effect.tapCause(this.#place.reopen(this.#name, this.#isWriter ? "continue" : "read"), () =>
          Effect.sync(() => this.#pool.left())
        )
        if (this.#inode === anyInode) this.#becomes(file)
        if (file.inode !== this.#inode && file.inode !== anyInode) {
          yield* file.close
          this.#pool.left()
          return yield* new FileFailed({ operation: "reopen", path: "", code: "ESTALE" })
        }
        // Another use was faster.
        if (this.#open !== undefined) {
          yield* file.close
          this.#pool.left()
          return this.#open
        }
        this.#open = file
        return file
      })
    )
  }
}
