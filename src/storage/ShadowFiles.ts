/**
 * `Files` with names and lengths but no bytes, in place of a disk. A relay that repeats what it did before a crash does
 * so on these, so that nothing is written twice.
 */
import { basename, dirname } from "node:path"
import { Effect } from "effect"
import type { Blank } from "./Blanks.ts"
import { noDevice } from "./DeviceFigures.ts"
import { FileFailed, Files, type OpenFile, type OpenMode } from "./Files.ts"
import { isWithin } from "./Within.ts"

/** Stands for the inode of whatever file lies there: opened again by its name, it counts as the same. */
export const anyInode = 0

interface Shadow {
  size: number
}

export class ShadowFiles {
  readonly files = new Map<string, Shadow>()
  readonly directories = new Set<string>()
  /** Paths of what is in each directory: a session of thousands of applications has as many directories. */
  readonly #inside = new Map<string, Set<string>>()
  readonly #real: Files["Service"]
  readonly #own: ReadonlySet<string>

  /** Shadows stand for what lies in the directories in `own`; other directories are listed as they really are. */
  constructor(real: Files["Service"], own: ReadonlySet<string>) {
    this.#real = real
    this.#own = own
  }

  get service(): Files["Service"] {
    const unlink = (path: string) => this.#run("unlink", path, () => this.#unlink(path))
    return Files.of({
      open: (path, mode) => this.#open(path, mode),
      makeDirectory: (path) => Effect.sync(() => this.#make(path)),
      rename: (from, to) => this.#run("rename", from, () => this.#rename(from, to)),
      unlink,
      displace: unlink,
      removeDirectory: (path) =>
        Effect.suspend(() =>
          this.#inside.has(path)
            ? Effect.fail(new FileFailed({ operation: "rmdir", path, code: "ENOTEMPTY" }))
            : this.#run("rmdir", path, () => this.#removeDirectory(path))
        ),
      list: (path) => Effect.suspend(() => this.#list(path)),
      size: (path) => Effect.sync(() => this.files.get(path)?.size ?? 0),
      syncDirectory: () => Effect.void,
      resolve: (path) => Effect.succeed(path)
    })
  }

  /** Whether the path lies in one of its own directories. */
  isOwn(path: string): boolean {
    return isWithin(path, this.#own)
  }

  /** A file that lies in none of its own directories. */
  get stray(): string | undefined {
    return [...this.files.keys()].find((path) => !this.isOwn(path))
  }

  /** Whether there is a file in the directory, or below. */
  hasFiles(directory: string): boolean {
    for (const path of this.#below(directory)) if (this.files.has(path)) return true
    return false
  }

  /** The files in the directory, and below. */
  filesIn(directory: string): ReadonlyArray<string> {
    return [...this.#below(directory)].filter((path) => this.files.has(path))
  }

  /** The directory, and what is in it, is not to be made. */
  forget(directory: string): void {
    for (const path of [...this.#below(directory)].reverse()) {
      if (!this.#unlink(path)) this.#removeDirectory(path)
    }
  }

  /** The path, and all below it, what lies above before what lies in it. */
  *#below(path: string): Generator<string> {
    yield path
    for (const inside of this.#inside.get(path) ?? []) yield* this.#below(inside)
  }

  #enter(path: string): void {
    for (let at = path; at !== dirname(at); at = dirname(at)) {
      const inside = this.#inside.get(dirname(at))
      if (inside?.has(at)) return
      if (inside === undefined) this.#inside.set(dirname(at), new Set([at]))
      else inside.add(at)
    }
  }

  #leave(path: string): void {
    for (let at = path; !this.#has(at) && !this.#inside.has(at); at = dirname(at)) {
      const inside = this.#inside.get(dirname(at))
      inside?.delete(at)
      if (inside?.size !== 0) return
      this.#inside.delete(dirname(at))
    }
  }

  #has(path: string): boolean {
    return this.files.has(path) || this.directories.has(path)
  }

  #unlink(path: string): boolean {
    if (!this.files.delete(path)) return false
    this.#leave(path)
    return true
  }

  #removeDirectory(path: string): boolean {
    if (!this.directories.delete(path)) return false
    this.#leave(path)
    return true
  }

  #list(path: string) {
    if (this.directories.has(path)) return Effect.sync(() => this.#entries(path))
    if (!this.isOwn(path)) return this.#real.list(path)
    const code = this.files.has(path) ? "ENOTDIR" : "ENOENT"
    return Effect.fail(new FileFailed({ operation: "readdir", path, code }))
  }

  #run(operation: string, path: string, act: () => boolean): Effect.Effect<void, FileFailed> {
    return Effect.suspend(() =>
      act() ? Effect.void : Effect.fail(new FileFailed({ operation, path, code: "ENOENT" }))
    )
  }

  #make(path: string): void {
    for (let at = path; at !== dirname(at) && !this.directories.has(at); at = dirname(at)) {
      this.directories.add(at)
      this.#enter(at)
    }
  }

  #entries(path: string) {
    const inside = [...(this.#inside.get(path) ?? [])].filter((at) => this.#has(at))
    return inside.map((at) => ({ name: basename(at), isDirectory: this.directories.has(at) }))
  }

  #rename(from: string, to: string): boolean {
    if (!this.#has(from)) return false
    if (from === to) return true
    const moved = [...this.#below(from)].filter((path) => this.#has(path))
    const files = new Map(moved.map((path) => [path, this.files.get(path)]))
    for (const path of moved.toReversed()) if (!this.#unlink(path)) this.#removeDirectory(path)
    for (const [path, file] of files) {
      const at = to + path.slice(from.length)
      if (file === undefined) this.directories.add(at)
      else this.files.set(at, file)
      this.#enter(at)
    }
    return true
  }

  #open(path: string, mode: OpenMode): Effect.Effect<OpenFile, FileFailed> {
    return Effect.suspend(() => {
      const found = this.files.get(path)
      const failed = (code: string) => Effect.fail(new FileFailed({ operation: "open", path, code }))
      if (mode === "new" && found !== undefined) return failed("EEXIST")
      if ((mode === "continue" || mode === "read") && found === undefined) return failed("ENOENT")
      const shadow = found ?? { size: 0 }
      if (mode === "create") shadow.size = 0
      this.files.set(path, shadow)
      this.#enter(path)
      return Effect.succeed(openFile(shadow))
    })
  }
}

/** A shadow whose real file does not exist or is not as long. */
export const lackingOf = (shadow: ShadowFiles, files: Files["Service"]): Effect.Effect<string | undefined> =>
  Effect.gen(function* () {
    for (const [path, { size }] of shadow.files) {
      const found = yield* Effect.orElseSucceed(files.size(path), () => -1)
      if (found < size) return path
    }
    return undefined
  })

/**
 * Makes files as long as their shadows, by a cut or by zeros, so that they stay so if the power fails, if `isSynced`.
 * Answers those with zeros in place of missing bytes.
 */
export const materialize = (
  shadow: ShadowFiles,
  files: Files["Service"],
  isSynced: boolean
): Effect.Effect<ReadonlyArray<Blank>, FileFailed> =>
  Effect.gen(function* () {
    const blanks: Array<Blank> = []
    for (const directory of shadow.directories) yield* files.makeDirectory(directory)
    for (const [path, { size }] of shadow.files) {
      const found = yield* Effect.orElseSucceed(files.size(path), () => undefined)
      if (found === size) continue
      const file = yield* files.open(path, found === undefined ? "new" : "continue")
      const changed = isSynced ? Effect.andThen(file.truncate(size), file.sync) : file.truncate(size)
      yield* Effect.ensuring(changed, file.close)
      if (isSynced && found === undefined) yield* files.syncDirectory(dirname(path))
      if ((found ?? 0) < size) blanks.push({ path, found: found ?? 0, size })
    }
    return blanks
  })

const openFile = (shadow: Shadow): OpenFile => ({
  device: noDevice,
  inode: anyInode,
  write: (buffers, position) =>
    Effect.sync(() => {
      const byteCount = buffers.reduce((sum, bytes) => sum + bytes.length, 0)
      shadow.size = Math.max(shadow.size, position + byteCount)
    }),
  writeNow: undefined,
  writeBeside: undefined,
  read: () => Effect.succeed(0),
  truncate: (size) =>
    Effect.sync(() => {
      shadow.size = size
    }),
  sync: Effect.void,
  close: Effect.void
})
