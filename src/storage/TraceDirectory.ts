/**
 * One directory of a trace, a chunk or a whole session, that may be renamed while files in it are used, which may be
 * closed and reopened while their owners hold them (storage.md §4.3).
 *
 * - No file is emptied that was not made through the same `TraceDirectory`, and none deleted, but for an index whose
 *   data file is not there any more.
 * - Opening by path and renaming exclude each other.
 */
import * as path from "node:path"
import { Effect, Semaphore } from "effect"
import type { FilePool } from "./FilePool.ts"
import { FileFailed, type Files, type OpenFile, type OpenMode } from "./Files.ts"
import type { RoomWait } from "./RoomWait.ts"
import { TraceFile } from "./TraceFile.ts"
import { byteCountOf, entriesOf, isOrHoldsFile, removeEmptyTree } from "./Walks.ts"

/** What the directories of one store share. */
export interface Ground {
  readonly files: Files["Service"]
  readonly pool: FilePool
  readonly roomWait: RoomWait
  /** Whether what needs room below the path waits for it. */
  readonly mayWait: (relative: string) => boolean
  readonly syncsNames: boolean
  /** As `Files.keepsNothing`: then it is not remembered what was made. */
  readonly keepsNothing: boolean
  /** The absolute path; fails if it would lie outside. */
  readonly inside: (relative: string) => Effect.Effect<string, FileFailed>
}

const isMissing = (failure: FileFailed) => failure.code === "ENOENT"
const isTaken = ({ code }: FileFailed) => code === "EEXIST"
const ignoreMissing = (step: Effect.Effect<void, FileFailed>) => Effect.catchIf(step, isMissing, () => Effect.void)

/** What was made through a `TraceDirectory`, relative to it. */
export interface Made {
  readonly directories: ReadonlyArray<string>
  readonly files: ReadonlyArray<string>
}

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

  /** Bytes of all files in it, including those of others; undefined: it does not exist. */
  get byteCount(): Effect.Effect<number | undefined> {
    const sum = Effect.flatMap(this.#inside(""), (at) => byteCountOf(this.#ground.files, at))
    return Effect.catch(sum, (failure) => Effect.succeed(isMissing(failure) ? undefined : 0))
  }

  /** Makes the directory itself. */
  get make(): Effect.Effect<void, FileFailed> {
    return this.#exclusive(Effect.flatMap(this.#inside(""), this.#ground.files.makeDirectory))
  }

  /**
   * Makes `subdirectory/name`, which must be new. `replaces`: a file of that name is the caller's to delete; it keeps
   * its bytes for those who have it open.
   */
  create(subdirectory: string, name: string, replaces: boolean): Effect.Effect<TraceFile, FileFailed> {
    return this.#make(subdirectory, name, "new", replaces)
  }

  /** Empties `subdirectory/name`, which was made through this object, or through `earlier` at the same place. */
  empty(subdirectory: string, name: string, earlier: TraceDirectory = this): Effect.Effect<TraceFile, FileFailed> {
    const relative = path.join(subdirectory, name)
    return Effect.suspend(() => {
      const isHere = earlier.relativePath === this.relativePath
      const isOwn = this.#created.has(relative) || (isHere && earlier.#created.has(relative))
      return this.#make(subdirectory, name, isOwn ? "create" : "new", false)
    })
  }

  get made(): Made {
    return { directories: [...this.#made], files: [...this.#created] }
  }

  /** Counts what was made through an earlier object as its own; makes the directories if they are gone. */
  inherit({ directories, files }: Made): Effect.Effect<void, FileFailed> {
    for (const relative of files) this.#created.add(relative)
    return Effect.forEach(
      directories,
      (relative) => {
        this.#made.add(relative)
        return Effect.flatMap(this.#inside(relative), this.#ground.files.makeDirectory)
      },
      { discard: true }
    )
  }

  /** Makes `subdirectory` again, which somebody has removed; fails if the file `beside` is gone, too. */
  restore(subdirectory: string, beside: string): Effect.Effect<void, FileFailed> {
    const { files } = this.#ground
    return this.#exclusive(
      Effect.gen({ self: this }, function* () {
        yield* files.size(yield* this.#inside(beside))
        yield* files.makeDirectory(yield* this.#inside(subdirectory))
      })
    )
  }

  #make(subdirectory: string, name: string, mode: "new" | "create", replaces: boolean) {
    const relative = path.join(subdirectory, name)
    return this.#admitted(
      Effect.gen({ self: this }, function* () {
        const at = yield* this.#inside(relative)
        if (!this.#made.has(subdirectory)) {
          yield* this.#ground.files.makeDirectory(yield* this.#inside(subdirectory))
          if (!this.#ground.keepsNothing) this.#made.add(subdirectory)
        }
        if (replaces) yield* ignoreMissing(this.#ground.files.displace(at))
        const file = yield* Effect.catchIf(this.#ground.files.open(at, mode), isTaken, (failure) =>
          this.#saidWhole(failure)
        )
        if (!this.#ground.keepsNothing) this.#created.add(relative)
        return this.#traceFile(file, relative, true)
      })
    )
  }

  /** Fails with EISDIR if a directory has the name: callers cannot get around that as they can around a file. */
  #saidWhole(failure: FileFailed): Effect.Effect<never, FileFailed> {
    const { path: at, operation } = failure
    return Effect.flatMap(entriesOf(this.#ground.files, path.dirname(at)), (entries) => {
      const isDirectory = entries.some((entry) => entry.name === path.basename(at) && entry.isDirectory)
      return Effect.fail(isDirectory ? new FileFailed({ operation, path: at, code: "EISDIR" }) : failure)
    })
  }

  /** Whether there are files in `subdirectory`, and it was not made through this object. */
  isTaken(subdirectory: string): Effect.Effect<boolean, FileFailed> {
    return this.#exclusive(
      Effect.gen({ self: this }, function* () {
        if (this.#made.has(subdirectory)) return false
        const entries = yield* entriesOf(this.#ground.files, yield* this.#inside(subdirectory))
        return entries.some(({ isDirectory }) => !isDirectory)
      })
    )
  }

  /** Whether there is a file in, or as, one of the entries that are meant, however deep, links followed. */
  holdsFile(isMeant: (name: string) => boolean): Effect.Effect<boolean, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      const at = yield* this.#inside("")
      for (const { name } of yield* entriesOf(this.#ground.files, at)) {
        if (isMeant(name) && (yield* isOrHoldsFile(this.#ground.files, path.join(at, name)))) return true
      }
      return false
    })
  }

  /** Opens a file that exists, for reading or for more writing. */
  open(subdirectory: string, name: string, mode: "read" | "continue"): Effect.Effect<TraceFile, FileFailed> {
    const relative = path.join(subdirectory, name)
    return this.#admitted(
      Effect.gen({ self: this }, function* () {
        const at = yield* this.#inside(relative)
        return this.#traceFile(yield* this.#ground.files.open(at, mode), relative, mode === "continue")
      })
    )
  }

  /**
   * Moves the directory (§4.3). To or from `outer`, a directory it lies in or that lies in it, only what was made
   * through this object moves; foreign files stay. Otherwise it is one rename. What fails leaves all where it was.
   */
  rename(to: string, isWholeDirectory: boolean): Effect.Effect<void, FileFailed> {
    return this.#exclusive(
      Effect.gen({ self: this }, function* () {
        if (to === this.relativePath) return
        const from = yield* this.#inside("")
        const target = yield* this.#ground.inside(to)
        yield* Effect.tapError(this.#moved(from, target, isWholeDirectory), (failure) =>
          isMissing(failure) ? this.#unmade(isWholeDirectory ? path.dirname(target) : target) : Effect.void
        )
        this.relativePath = to
        if (this.#ground.syncsNames) yield* this.#syncMoved(from, target)
      })
    )
  }

  #moved(from: string, target: string, isWholeDirectory: boolean): Effect.Effect<void, FileFailed> {
    const { files } = this.#ground
    return Effect.gen({ self: this }, function* () {
      if (isWholeDirectory) {
        yield* files.makeDirectory(path.dirname(target))
        return yield* files.rename(from, target)
      }
      yield* files.makeDirectory(target)
      const moved: Array<string> = []
      const move = (top: string, at: string, to: string) => files.rename(path.join(at, top), path.join(to, top))
      const all = Effect.gen({ self: this }, function* () {
        for (const top of this.#tops()) {
          yield* move(top, from, target)
          moved.push(top)
        }
        if (from.startsWith(`${target}${path.sep}`)) yield* files.removeDirectory(from)
      })
      const back = (top: string) => Effect.ignore(move(top, target, from))
      yield* Effect.onError(all, () => Effect.forEach(moved, back, { discard: true }))
    })
  }

  /** What was to be moved is gone, perhaps with its parents: removes the directories that were made for it. */
  #unmade(directory: string): Effect.Effect<void> {
    const { files } = this.#ground
    const session = path.dirname(directory)
    return Effect.ignore(Effect.andThen(files.removeDirectory(directory), files.removeDirectory(session)))
  }

  #syncMoved(from: string, to: string): Effect.Effect<void, FileFailed> {
    const directories = new Set([path.dirname(from), path.dirname(to), to])
    return Effect.forEach(directories, (at) => ignoreMissing(this.#ground.files.syncDirectory(at)), { discard: true })
  }

  /** Done when the names of what is in `subdirectory`, and its own up to the output directory, outlive the power. */
  syncNames(subdirectory: string): Effect.Effect<void, FileFailed> {
    return this.#exclusive(
      Effect.gen({ self: this }, function* () {
        const whole = path.join(this.relativePath, subdirectory)
        for (let at = whole; ; at = path.dirname(at)) {
          yield* this.#ground.files.syncDirectory(yield* this.#ground.inside(at))
          if (at === "." || at === "" || at === "/") return
        }
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
          yield* attempt(ignoreMissing(Effect.flatMap(this.#inside(relative), this.#ground.files.unlink)))
        }
        this.#created.clear()
        for (const top of this.#tops()) {
          yield* attempt(Effect.flatMap(this.#inside(top), (at) => removeEmptyTree(this.#ground.files, at)))
        }
        this.#made.clear()
        if (isOwn) {
          const removed = ignoreMissing(Effect.flatMap(this.#inside(""), this.#ground.files.removeDirectory))
          // After failures it is not empty, which says nothing new.
          yield* failures.length === 0 ? attempt(removed) : Effect.ignore(removed)
        }
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

  /** For its files, which are named from here. */
  reopen(relative: string, mode: OpenMode): Effect.Effect<OpenFile, FileFailed> {
    return this.#exclusive(Effect.flatMap(this.#inside(relative), (at) => this.#ground.files.open(at, mode)))
  }

  /** For its files, which are named from here. */
  patiently<A>(relative: string, operation: Effect.Effect<A, FileFailed>): Effect.Effect<A, FileFailed> {
    const { mayWait, roomWait } = this.#ground
    return roomWait.of(operation, () => mayWait(path.join(this.relativePath, relative)))
  }

  #traceFile(file: OpenFile, relative: string, isWriter: boolean): TraceFile {
    return new TraceFile(this.#ground.pool, file, this, relative, isWriter)
  }

  /** The descriptor's place is taken before the gate: waiting for one must not keep others from giving theirs back. */
  #admitted(open: Effect.Effect<TraceFile, FileFailed>): Effect.Effect<TraceFile, FileFailed> {
    return Effect.uninterruptible(
      Effect.andThen(
        this.#ground.pool.admit,
        Effect.tapCause(this.#exclusive(open), () => Effect.sync(() => this.#ground.pool.left()))
      )
    )
  }

  #inside(relative: string): Effect.Effect<string, FileFailed> {
    return Effect.suspend(() => this.#ground.inside(path.join(this.relativePath, relative)))
  }

  #exclusive<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Semaphore.withPermits(this.#gate, 1)(effect)
  }
}
