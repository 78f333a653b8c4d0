/**
 * Bounds the descriptors held by trace files. Beyond the capacity the file used least recently is closed behind its
 * owner's back and reopened at its next use; owners hold a `TraceFile` and never see it happen.
 *
 * A use holds one descriptor for one operation and never waits for a second one, so waiting for a place cannot
 * deadlock. The capacity is what the process may open less what sockets and the runtime take (`reserve`).
 */
import { Effect } from "effect"
import { clockMillis } from "../Machine.ts"
import type { BesideWrite, Piece } from "../memory/Piece.ts"
import { AllDeviceFigures, type DeviceFigures, type Operation } from "./DeviceFigures.ts"
import type { DeviceGate } from "./DeviceGate.ts"
import { FileFailed, type OpenFile, type OpenMode } from "./Files.ts"
import { anyInode } from "./ShadowFiles.ts"

/** Fewer would make every write a reopen. */
const capacityMin = 8

/** Connections may take the last descriptors before the pool gives way: it then has this long to find one. */
const shortageAttemptCountMax = 50
const shortageWait = "10 millis"

const isShortage = ({ code }: FileFailed) => code === "EMFILE" || code === "ENFILE"

/** Opens the file again where it lies now. */
export type Reopen = (mode: OpenMode) => Effect.Effect<OpenFile, FileFailed>

/** Does it again as long as that is worth it; not while it has a place on the device. */
type Patiently = <A>(operation: Effect.Effect<A, FileFailed>) => Effect.Effect<A, FileFailed>

export class FilePool {
  #capacity: number
  #openCount = 0
  #reservedCount = 0
  readonly #idle = new Set<TraceFile>()
  readonly #waiters: Array<() => void> = []

  readonly devices: DeviceGate
  readonly figures = new AllDeviceFigures()

  constructor(capacity: number, devices: DeviceGate) {
    this.#capacity = Math.max(capacityMin, capacity)
    this.devices = devices
  }

  get openCount(): number {
    return this.#openCount
  }

  /** `count` descriptors more (or fewer, when negative) are in use outside the pool. */
  reserve(count: number): void {
    this.#reservedCount += count
  }

  get #limit(): number {
    return Math.max(capacityMin, this.#capacity - this.#reservedCount)
  }

  /** A place for one more descriptor; waits while every open file is in the middle of an operation. */
  readonly admit: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#openCount < this.#limit) {
      this.#openCount++
      return Effect.void
    }
    for (const victim of this.#idle) return Effect.flatMap(victim.suspend, () => this.admit)
    return Effect.flatMap(
      Effect.callback<void>((resume) => {
        this.#waiters.push(() => resume(Effect.void))
      }),
      () => this.admit
    )
  })

  /** Opens an admitted file. While the process has no descriptor for it, idle files give theirs. */
  open(open: Effect.Effect<OpenFile, FileFailed>, attemptCount = 0): Effect.Effect<OpenFile, FileFailed> {
    return Effect.catchIf(open, isShortage, (shortage) => {
      for (const victim of this.#idle) return Effect.flatMap(victim.suspend, () => this.open(open, attemptCount))
      if (attemptCount === shortageAttemptCountMax) return Effect.fail(shortage)
      return Effect.flatMap(Effect.sleep(shortageWait), () => this.open(open, attemptCount + 1))
    })
  }

  /** A descriptor of the pool was closed. */
  left(): void {
    this.#openCount--
    this.#waiters.shift()?.()
  }

  /** Every file that nobody is using is opened again by its name when it is next used. */
  get suspendAll(): Effect.Effect<void> {
    const suspend = (file: TraceFile) => Effect.suspend(() => (this.#idle.has(file) ? file.suspend : Effect.void))
    return Effect.suspend(() => Effect.forEach([...this.#idle], suspend, { discard: true }))
  }

  setIdle(file: TraceFile): void {
    this.#idle.add(file)
    this.#waiters.shift()?.()
  }

  setBusy(file: TraceFile): void {
    this.#idle.delete(file)
  }

  /** An idle file was used without an operation. */
  touch(file: TraceFile): void {
    this.#idle.delete(file)
    this.#idle.add(file)
  }
}

/** Counts and times what has its turn. */
const timed = <A>(figures: DeviceFigures, kind: Operation, operation: Effect.Effect<A, FileFailed>) =>
  Effect.suspend(() => {
    const begunAt = figures.begin()
    return Effect.onExit(operation, (exit) =>
      Effect.sync(() => {
        figures.end(kind, begunAt)
        const [reason] = exit._tag === "Failure" ? exit.cause.reasons : []
        if (reason?._tag === "Fail") figures.failed(reason.error.code)
      })
    )
  })

/** A file that may be closed behind its owner's back, and opened again at its next use. */
export class TraceFile implements BesideWrite {
  readonly #pool: FilePool
  readonly #figures: DeviceFigures
  readonly #reopen: Reopen
  readonly #isWriter: boolean
  /** Around what may need room. */
  readonly #patiently: Patiently
  #open: OpenFile | undefined
  #beside: BesideWrite | undefined
  #besideBegunAt: number | undefined
  #inode: number
  readonly device: number
  #userCount = 0
  #isClosed = false

  /** `opened` was admitted to `pool`. */
  constructor(pool: FilePool, opened: OpenFile, reopen: Reopen, isWriter: boolean, patiently: Patiently) {
    this.#patiently = patiently
    this.#pool = pool
    this.#open = opened
    this.#inode = opened.inode
    this.device = opened.device
    this.#figures = pool.figures.of(opened.device)
    this.#reopen = reopen
    this.#isWriter = isWriter
    pool.setIdle(this)
  }

  /** As `OpenFile.write`, the file opened again if need be. */
  write(buffers: ReadonlyArray<Uint8Array>, position: number): Effect.Effect<void, FileFailed> {
    const byteCount = buffers.reduce((sum, { length }) => sum + length, 0)
    return this.#patiently(this.#use("write", byteCount, (file) => file.write(buffers, position)))
  }

  /** Its device keeps nobody waiting: `writeNow` may do something. */
  get isPrompt(): boolean {
    return this.#open?.writeNow !== undefined
  }

  /** Another thread may write to it. */
  get hasBeside(): boolean {
    return this.#open?.writeBeside !== undefined
  }

  /** See `OpenFile.writeNow`; 0 also while the descriptor is closed. */
  writeNow(bytes: Uint8Array, from: number, to: number, position: number): number {
    const writeNow = this.#open?.writeNow
    if (writeNow === undefined) return 0
    if (this.#userCount === 0) this.#pool.touch(this)
    const begunAt = clockMillis()
    const count = writeNow(bytes, from, to, position)
    this.#figures.took("write", clockMillis() - begunAt)
    this.#figures.wrote("quick", count)
    return count
  }

  /** See `OpenFile.writeBeside`; undefined also while the descriptor is closed. One at a time. */
  writeBeside(pieces: ReadonlyArray<Piece>, position: number, onDone: () => void): BesideWrite | undefined {
    if (this.#userCount === 0 && this.#open !== undefined) this.#pool.touch(this)
    this.#beside = this.#open?.writeBeside?.(pieces, position, onDone)
    if (this.#beside === undefined) return undefined
    this.#besideBegunAt = this.#figures.begin()
    return this
  }

  /** Of the last `writeBeside`. */
  settle(): number {
    const count = this.#beside?.settle() ?? 0
    if (this.#besideBegunAt !== undefined) {
      this.#figures.end("write", this.#besideBegunAt)
      this.#figures.wrote("quick", count)
      this.#besideBegunAt = undefined
    }
    return count
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
  readonly sync: Effect.Effect<void, FileFailed> = Effect.suspend(() => {
    this.settle()
    return this.#patiently(this.#use("sync", 0, (file) => file.sync))
  })

  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#isClosed = true
    return this.#userCount === 0 ? this.suspend : Effect.void
  })

  /** Gives the descriptor back; the next use opens the file again. */
  readonly suspend: Effect.Effect<void> = Effect.suspend(() => {
    const file = this.#open
    this.#pool.setBusy(this)
    if (file === undefined) return Effect.void
    // The other thread knows the file by its descriptor.
    this.settle()
    this.#open = undefined
    return Effect.ensuring(
      file.close,
      Effect.sync(() => this.#pool.left())
    )
  })

  /** Not interruptible: a use that was counted must be taken back. */
  #use<A>(
    kind: Operation,
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
      const gated = (opened: OpenFile) => this.#pool.devices.run(this.device, timed(figures, kind, operation(opened)))
      const done = file === undefined ? Effect.flatMap(this.#resume, gated) : gated(file)
      return Effect.onExit(done, (exit) => {
        figures.bytesInFlight -= byteCount
        if (byteCount > 0 && exit._tag === "Success") figures.wrote("careful", byteCount)
        return this.#release
      })
    })
    return Effect.uninterruptible(used)
  }

  readonly #release = Effect.suspend(() => {
    if (--this.#userCount > 0) return Effect.void
    if (this.#isClosed) return this.suspend
    if (this.#open !== undefined) this.#pool.setIdle(this)
    return Effect.void
  })

  readonly #resume: Effect.Effect<OpenFile, FileFailed> = Effect.uninterruptible(
    Effect.gen({ self: this }, function* () {
      yield* this.#pool.admit
      if (this.#open !== undefined) {
        this.#pool.left()
        return this.#open
      }
      const file = yield* Effect.tapError(this.#reopen(this.#isWriter ? "continue" : "read"), () =>
        Effect.sync(() => this.#pool.left())
      )
      if (this.#inode === anyInode) this.#inode = file.inode
      if (file.inode !== this.#inode) {
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
