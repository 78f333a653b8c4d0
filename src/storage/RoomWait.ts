/**
 * Waits for room on a full disk, for one that is read-only, denied, failing or gone to be written again, or for a
 * descriptor, for sessions that can wait: an edge keeps what it sends until then, so nothing need be lost. An operation
 * that failed is repeated until it can be done. What a disk did not take when it was synced may be lost although the
 * next sync is done: that waits for the next relay, which goes back to its mark.
 */
import { Effect, Result } from "effect"
import { clearTimeout, setTimeout } from "../Machine.ts"
import { type FileFailed, Files, type OpenFile } from "./Files.ts"

const againMillis = 500

/** Codes of a disk that is gone: pulled out, a share without its server, a file system without its process. */
const goneCodes: ReadonlySet<string> = new Set(["ENXIO", "ENODEV", "ESTALE", "ENOTCONN"])
/** Codes of a disk that is full, or read-only, as after an error until it is mounted again. */
const fullCodes: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EROFS"])

/** Whether the disk is gone, and may be mounted again: what is open stays on the one that is not there any more. */
export const isGone = ({ code }: { readonly code: string }): boolean => goneCodes.has(code)

/** The process, or the system, has no descriptor left: others end, and give theirs back. */
const shortCodes: ReadonlySet<string> = new Set(["EMFILE", "ENFILE"])

/** It may not be written: its owner is another, it is immutable, or a policy of the system forbids it. */
const deniedCodes: ReadonlySet<string> = new Set(["EACCES", "EPERM"])

/** A path that leads out of the output directory is denied by the relay itself. */
export const leaving = "leave output"

const isDenied = ({ code, operation }: Pick<FileFailed, "code" | "operation">) =>
  deniedCodes.has(code) && operation !== leaving

const isFailing = (failure: { readonly code: string }) => failure.code === "EIO" || isGone(failure)

/** Whether whoever looks after the machine can mend it. */
export const isMendable = (failure: Pick<FileFailed, "code" | "operation">) =>
  fullCodes.has(failure.code) || shortCodes.has(failure.code) || isFailing(failure) || isDenied(failure)

/** Whether bytes that were written may be lost, so that repeating the operation would not help. */
const isLost = (failure: Pick<FileFailed, "code" | "operation">) => failure.operation === "fsync" && isFailing(failure)

export class RoomWait {
  readonly #wakes = new Set<() => void>()
  /** Operations that wait or are being repeated. */
  #waitingCount = 0
  #isOver = false
  /** Called when an operation begins to wait and no other does; with its failure. */
  onWait: (failure: FileFailed) => Effect.Effect<void> = () => Effect.void

  readonly isMendable = isMendable

  /** Something waits. */
  get isWaiting(): boolean {
    return this.#waitingCount > 0
  }

  /** From now on nothing waits: what fails has failed. */
  end(): void {
    this.#isOver = true
    for (const wake of [...this.#wakes]) wake()
  }

  /** Repeats the operation while its failure can be mended and `waits` answers true: it must bear to be repeated. */
  of<A>(operation: Effect.Effect<A, FileFailed>, waits: () => boolean): Effect.Effect<A, FileFailed> {
    return Effect.catchIf(
      operation,
      (failure) => this.#isWorth(failure, waits),
      (failure) => this.#again(operation, waits, failure)
    )
  }

  #isWorth(failure: FileFailed, waits: () => boolean): boolean {
    return isMendable(failure) && !this.#isOver && waits()
  }

  #again<A>(
    operation: Effect.Effect<A, FileFailed>,
    waits: () => boolean,
    failure: FileFailed
  ): Effect.Effect<A, FileFailed> {
    const left = Effect.sync(() => {
      this.#waitingCount--
    })
    const repeated = Effect.gen({ self: this }, function* () {
      let failed = failure
      if (++this.#waitingCount === 1) yield* this.onWait(failed)
      while (true) {
        yield* this.#pause
        const done: Result.Result<A, FileFailed> = isLost(failed)
          ? Result.fail(failed)
          : yield* Effect.result(operation)
        if (done._tag === "Success") return done.success
        failed = done.failure
        if (!this.#isWorth(failed, waits)) return yield* Effect.fail(failed)
      }
    })
    return Effect.ensuring(repeated, left)
  }

  /** Interruptible, since a waiter holds nothing that must be given back in order. */
  readonly #pause = Effect.interruptible(
    Effect.callback<void>((resume) => {
      const wake = () => {
        this.#wakes.delete(wake)
        clearTimeout(timer)
        resume(Effect.void)
      }
      const timer = setTimeout(wake, againMillis)
      this.#wakes.add(wake)
      return Effect.sync(wake)
    })
  )

  /** Files whose operations on names wait for room, if the path is one that `waits`. */
  files(files: Files["Service"], waits: (path: string) => boolean): Files["Service"] {
    return Files.of({
      ...files,
      open: (path, mode) => this.of(files.open(path, mode), () => waits(path)),
      makeDirectory: (path) => this.of(files.makeDirectory(path), () => waits(path)),
      rename: (from, to) => this.of(files.rename(from, to), () => waits(to))
    })
  }

  /** A file of which every change waits for room. */
  file(file: OpenFile): OpenFile {
    const always = () => true
    return {
      ...file,
      write: (buffers, position) => this.of(file.write(buffers, position), always),
      truncate: (size) => this.of(file.truncate(size), always),
      sync: this.of(file.sync, always)
    }
  }
}
