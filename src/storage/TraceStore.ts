/**
 * Trace files below one output directory: directories that may be renamed while files in them are used, files that may
 * be closed and reopened while their owners hold them (storage.md §1, §4.3).
 *
 * Invariants
 * - Nothing is opened for writing, made, renamed or deleted outside the output directory, symbolic links resolved.
 * - Within one `TraceDirectory`, opening by path and renaming exclude each other.
 */
import * as path from "node:path"
import { Context, Effect, Layer, Semaphore } from "effect"
import { DeviceGate } from "./DeviceGate.ts"
import * as DiskFiles from "./DiskFiles.ts"
import { FilePool, TraceFile } from "./FilePool.ts"
import { FileFailed, Files, type OpenFile, type OpenMode } from "./Files.ts"

export type { TraceFile } from "./FilePool.ts"

/** Where traces go, and how much of the system they may hold. */
export interface Options {
  /** Absolute path. Made, with its parents, when first needed. */
  readonly output: string
  /** Descriptors trace files may hold open together. */
  readonly openFileCountMax: number
  /** Operations in flight on one device. */
  readonly deviceOperationCountMax: number
}

/** Trace directories below one output directory. */
export class TraceStore extends Context.Service<
  TraceStore,
  {
    /** Refers to a directory, relative to the output directory; `""` is the output directory. Does no I/O. */
    readonly directory: (relativePath: string) => TraceDirectory
    readonly pool: FilePool
  }
>()("lttng-relay/TraceStore") {
  /** A store over any `Files`. */
  static readonly layerNoDeps = (options: Options) =>
    Layer.effect(
      TraceStore,
      Effect.gen(function* () {
        const files = yield* Files
        const pool = new FilePool(options.openFileCountMax, new DeviceGate(options.deviceOperationCountMax))
        const root = path.resolve(options.output)
        return TraceStore.of({
          directory: (relativePath) => new TraceDirectory({ files, pool, root }, relativePath),
          pool
        })
      })
    )
  /** A store on disk. */
  static readonly layer = (options: Options) => this.layerNoDeps(options).pipe(Layer.provide(DiskFiles.layer))
}

/** What the directories of one store share. */
export interface Ground {
  readonly files: Files["Service"]
  readonly pool: FilePool
  readonly root: string
}

const refused = (operation: string, at: string) => new FileFailed({ operation, path: at, code: "EPERM" })
const isMissing = (failure: FileFailed) => failure.code === "ENOENT"
const ignoreMissing = (step: Effect.Effect<void, FileFailed>) => Effect.catchIf(step, isMissing, () => Effect.void)

/** One directory of a trace, a chunk or a whole session, which may be renamed while files in it are used. */
export class TraceDirectory {
  /** Relative to the output directory; changes by `rename`. */
  relativePath: string
  readonly #ground: Ground
  readonly #gate = Semaphore.makeUnsafe(1)
  /** Directories made through this object, relative to it. */
  readonly #made = new Set<string>()
  /** Files made through this object, relative to it: what `remove` may delete. */
  readonly #created = new Set<string>()

  constructor(ground: Ground, relativePath: string) {
    this.#ground = ground
    this.relativePath = relativePath
  }

  /** Makes the directory itself. */
  get make(): Effect.Effect<void, FileFailed> {
    return this.#exclusive(this.#makeSafely(this.#absolute("")))
  }

  /** Makes or empties `subdirectory/name`. `replaces`: an existing file keeps its bytes for those who have it open. */
  create(subdirectory: string, name: string, replaces: boolean): Effect.Effect<TraceFile, FileFailed> {
    const relative = path.join(subdirectory, name)
    return this.#admitted(
      Effect.gen({ self: this }, function* () {
        if (!this.#made.has(subdirectory)) {
          yield* this.#makeSafely(this.#absolute(subdirectory))
          this.#made.add(subdirectory)
        }
        const at = this.#absolute(relative)
        yield* this.#checkInside(path.dirname(at))
        if (replaces) yield* ignoreMissing(this.#ground.files.displace(at))
        const file = yield* this.#open(at, "create")
        this.#created.add(relative)
        return this.#traceFile(file, relative, true)
      })
    )
  }

  /** Opens a file that exists, for reading or for more writing. */
  open(subdirectory: string, name: string, mode: "read" | "continue"): Effect.Effect<TraceFile, FileFailed> {
    const relative = path.join(subdirectory, name)
    return this.#admitted(
      Effect.gen({ self: this }, function* () {
        const at = this.#absolute(relative)
        if (mode === "continue") yield* this.#checkInside(path.dirname(at))
        return this.#traceFile(yield* this.#open(at, mode), relative, mode === "continue")
      })
    )
  }

  /**
   * Moves the directory (§4.3). To or from `outer`, a directory it lies in or that lies in it, only what was made
   * through this object moves; foreign files stay. Otherwise it is one rename.
   */
  rename(to: string, isWholeDirectory: boolean): Effect.Effect<void, FileFailed> {
    return this.#exclusive(
      Effect.gen({ self: this }, function* () {
        if (to === this.relativePath) return
        const from = this.#absolute("")
        const target = this.#absolutePath(to)
        yield* this.#checkInside(isWholeDirectory ? path.dirname(from) : from)
        if (isWholeDirectory) {
          yield* this.#makeSafely(path.dirname(target))
          yield* this.#ground.files.rename(from, target)
        } else {
          yield* this.#makeSafely(target)
          for (const top of this.#tops()) {
            yield* this.#ground.files.rename(path.join(from, top), path.join(target, top))
          }
          if (from.startsWith(`${target}${path.sep}`)) yield* this.#ground.files.removeDirectory(from)
        }
        this.relativePath = to
      })
    )
  }

  /**
   * Deletes every file made through this object, then its directories as far as they are empty; the directory itself
   * only when `isOwn`. Goes on past failures and answers them all.
   */
  remove(isOwn: boolean): Effect.Effect<ReadonlyArray<FileFailed>> {
    return this.#exclusive(
      Effect.gen({ self: this }, function* () {
        const failures: Array<FileFailed> = []
        const attempt = (step: Effect.Effect<void, FileFailed>) =>
          Effect.catch(step, (failure) => Effect.sync(() => void failures.push(failure)))
        for (const relative of this.#created) {
          const at = this.#absolute(relative)
          const unlink = Effect.andThen(this.#checkInside(path.dirname(at)), this.#ground.files.unlink(at))
          yield* attempt(ignoreMissing(unlink))
        }
        this.#created.clear()
        for (const top of this.#tops()) yield* this.#removeEmpty(this.#absolute(top))
        this.#made.clear()
        if (isOwn) yield* attempt(ignoreMissing(this.#ground.files.removeDirectory(this.#absolute(""))))
        return failures
      })
    )
  }

  /** First components of all that was made through this object. */
  #tops(): ReadonlySet<string> {
    const tops = new Set<string>()
    for (const relative of this.#made) {
      const top = path.normalize(relative).split(path.sep)[0]
      if (top !== undefined && top !== "" && top !== ".") tops.add(top)
    }
    return tops
  }

  #removeEmpty(at: string): Effect.Effect<void> {
    return Effect.ignore(
      Effect.gen({ self: this }, function* () {
        yield* this.#checkInside(at)
        for (const entry of yield* this.#ground.files.list(at)) {
          if (entry.isDirectory) yield* this.#removeEmpty(path.join(at, entry.name))
        }
        yield* this.#ground.files.removeDirectory(at)
      })
    )
  }

  #open(at: string, mode: OpenMode): Effect.Effect<OpenFile, FileFailed> {
    return this.#ground.pool.open(this.#ground.files.open(at, mode))
  }

  #traceFile(file: OpenFile, relative: string, isWriter: boolean): TraceFile {
    const reopen = (mode: OpenMode) => this.#exclusive(Effect.suspend(() => this.#open(this.#absolute(relative), mode)))
    return new TraceFile(this.#ground.pool, file, reopen, isWriter)
  }

  /** The descriptor's place comes before the gate: who waits for a place must not keep others from giving one back. */
  #admitted(open: Effect.Effect<TraceFile, FileFailed>): Effect.Effect<TraceFile, FileFailed> {
    return Effect.uninterruptible(
      Effect.andThen(
        this.#ground.pool.admit,
        Effect.tapCause(this.#exclusive(open), () => Effect.sync(() => this.#ground.pool.left()))
      )
    )
  }

  /** Makes `at`, after the nearest existing ancestor was seen to lie inside the output directory. */
  #makeSafely(at: string): Effect.Effect<void, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      if (at !== this.#ground.root) {
        yield* this.#ground.files.makeDirectory(this.#ground.root)
        let ancestor = at
        while (!(yield* this.#exists(ancestor))) ancestor = path.dirname(ancestor)
        yield* this.#checkInside(ancestor)
      }
      yield* this.#ground.files.makeDirectory(at)
    })
  }

  #exists(at: string): Effect.Effect<boolean, FileFailed> {
    return this.#ground.files.resolve(at).pipe(
      Effect.as(true),
      Effect.catchIf(isMissing, () => Effect.succeed(false))
    )
  }

  #checkInside(at: string): Effect.Effect<void, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      const { resolve } = this.#ground.files
      const [root, real] = yield* Effect.all([resolve(this.#ground.root), resolve(at)], { concurrency: 2 })
      if (real !== root && !real.startsWith(root === "/" ? root : `${root}/`)) return yield* refused("leave output", at)
    })
  }

  #absolute(relative: string): string {
    return this.#absolutePath(path.join(this.relativePath, relative))
  }

  #absolutePath(relative: string): string {
    return path.join(this.#ground.root, relative)
  }

  #exclusive<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Semaphore.withPermits(this.#gate, 1)(effect)
  }
}
