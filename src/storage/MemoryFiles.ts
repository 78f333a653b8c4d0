/**
 * `Files` in memory: a tree of directories, files and symbolic links (`MemoryTree`) that behaves as a POSIX file system
 * does towards the relay. For embedders that keep traces in memory, and for tests.
 *
 * An open file is its inode: it follows renames, and keeps its bytes when its name is removed or taken over. Nothing is
 * asynchronous, so operations are atomic and ordered as they are run. There are no modes, owners or times.
 */
import { Effect, Layer } from "effect"
import { FileFailed, Files, type OpenFile, type OpenMode } from "./Files.ts"
import { type FileNode, MemoryTree, type Node, parentOf, Refusal } from "./MemoryTree.ts"

/** How files in memory behave. */
export interface Options {
  /** Bytes all files may have together; writes beyond fail with ENOSPC after what still fits. */
  readonly bytesMax?: number
  /** Number of the device that the files say they lie on; 1 by default. */
  readonly device?: number
  /** Whether files can be written in the caller's turn, without waiting as for a disk; true by default. */
  readonly isImmediate?: boolean
  /** Whether an answer may wait for them; as `isImmediate` by default. */
  readonly isNear?: boolean
}

/** A file system in memory: what `Files` asks of a disk, and a look at what is there. */
export class MemoryFiles {
  readonly #tree = new MemoryTree()
  readonly #bytesMax: number
  readonly #device: number
  readonly #isImmediate: boolean
  readonly #isNear: boolean
  usedBytes = 0
  /** Files open now. */
  openCount = 0

  constructor(options: Options = {}) {
    this.#bytesMax = options.bytesMax ?? Number.POSITIVE_INFINITY
    this.#device = options.device ?? 1
    this.#isImmediate = options.isImmediate ?? true
    this.#isNear = options.isNear ?? this.#isImmediate
  }

  get service(): Files["Service"] {
    return Files.of({
      open: (path, mode) => this.#run("open", path, () => this.#open(path, mode)),
      makeDirectory: (path) => this.#run("mkdir", path, () => this.#tree.makeDirectory(path)),
      rename: (from, to) => this.#run("rename", from, () => this.#unnamed(this.#tree.rename(from, to))),
      unlink: (path) => this.#run("unlink", path, () => this.#unnamed(this.#tree.unlink(path))),
      displace: (path) => this.#run("unlink", path, () => this.#unnamed(this.#tree.unlink(path))),
      syncDirectory: () => Effect.void,
      removeDirectory: (path) => this.#run("rmdir", path, () => this.#tree.removeDirectory(path)),
      list: (path) => this.#run("readdir", path, () => this.#tree.list(path)),
      size: (path) => this.#run("lstat", path, () => this.#tree.size(path)),
      resolve: (path) => this.#run("realpath", path, () => this.#tree.resolve(path))
    })
  }

  // ---- for whoever holds the files in memory ---------------------------------------------------------------------

  /** The bytes of the file now; undefined when there is none. Valid until the file is next written. */
  read(path: string): Buffer | undefined {
    const node = this.#tree.find(path)
    return node?.kind === "file" ? node.bytes.subarray(0, node.size) : undefined
  }

  /** Makes or replaces a file, and makes its directories. */
  write(path: string, bytes: Uint8Array): void {
    this.#tree.makeDirectory(parentOf(path))
    const node = this.#openFile(path, "create")
    this.#writeAt(node, [bytes], 0)
  }

  /** Makes a symbolic link. */
  link(path: string, target: string): void {
    this.#tree.link(path, target)
  }

  /** Paths of all files below, directories with a `/` at the end when empty, in order. */
  paths(from = "/"): ReadonlyArray<string> {
    const found: Array<string> = []
    const visit = (node: Node, path: string) => {
      if (node.kind !== "directory" || node.entries.size === 0) {
        found.push(node.kind === "directory" ? `${path}/` : path)
        return
      }
      for (const [name, child] of node.entries) visit(child, `${path}/${name}`)
    }
    const start = this.#tree.find(from)
    if (start !== undefined) visit(start, from === "/" ? "" : from)
    return found.sort()
  }

  // ---- operations ------------------------------------------------------------------------------------------------

  #run<A>(operation: string, path: string, act: () => A): Effect.Effect<A, FileFailed> {
    return Effect.suspend(() => {
      try {
        return Effect.succeed(act())
      } catch (refusal) {
        if (!(refusal instanceof Refusal)) throw refusal
        return Effect.fail(new FileFailed({ operation, path, code: refusal.code }))
      }
    })
  }

  #open(path: string, mode: OpenMode): OpenFile {
    const node = this.#openFile(path, mode)
    let isOpen = true
    this.openCount++
    const run = <A>(operation: string, act: () => A) =>
      this.#run(operation, path, () => {
        if (!isOpen) throw new Refusal("EBADF")
        return act()
      })
    const writeNow: OpenFile["writeNow"] = (bytes, from, to, position) => {
      const count = isOpen ? this.#fitting(node, position, to - from) : 0
      if (count > 0) this.#writeAt(node, [bytes.subarray(from, from + count)], position)
      return count
    }
    return {
      device: this.#device,
      inode: node.inode,
      write: (buffers, position) =>
        run("write", () => {
          if (mode === "read") throw new Refusal("EBADF")
          this.#writeAt(node, buffers, position)
        }),
      isNear: () => this.#isNear,
      writeNow: this.#isImmediate && mode !== "read" ? writeNow : undefined,
      writeBeside: undefined,
      read: (into, position) =>
        run("read", () => {
          const end = Math.min(node.size, position + into.length)
          into.set(node.bytes.subarray(Math.min(position, end), end))
          return Math.max(0, end - position)
        }),
      truncate: (size) =>
        run("truncate", () => {
          if (mode === "read") throw new Refusal("EINVAL")
          this.#resize(node, size)
        }),
      sync: run("fsync", () => {}),
      isRemoved: run("stat", () => node.isRemoved),
      look: run("stat", () => ({ byteCount: node.size, modifiedMillis: node.changeCount })),
      close: Effect.sync(() => {
        if (isOpen) this.openCount--
        isOpen = false
      })
    }
  }

  #openFile(path: string, mode: OpenMode): FileNode {
    const file = this.#tree.file(path, mode)
    if (mode === "create") this.#resize(file, 0)
    return file
  }

  #writeAt(node: FileNode, buffers: ReadonlyArray<Uint8Array>, position: number): void {
    let at = position
    node.changeCount++
    for (const bytes of buffers) {
      const taken = bytes.subarray(0, this.#fitting(node, at, bytes.length))
      if (at + taken.length > node.size) this.#resize(node, at + taken.length)
      node.bytes.set(taken, at)
      at += taken.length
      if (taken.length < bytes.length) throw new Refusal("ENOSPC")
    }
  }

  /** How many of `byteCount` bytes have room at `at`. */
  #fitting(node: FileNode, at: number, byteCount: number): number {
    return Math.max(0, Math.min(byteCount, this.#bytesMax - this.usedBytes + node.size - at))
  }

  #resize(node: FileNode, size: number): void {
    node.changeCount++
    if (size > node.bytes.length) {
      const grown = Buffer.alloc(Math.max(size, node.bytes.length * 2, 256))
      node.bytes.copy(grown, 0, 0, node.size)
      node.bytes = grown
    }
    if (size < node.size) node.bytes.fill(0, size, node.size)
    this.usedBytes += size - node.size
    node.size = size
  }

  #unnamed(file: FileNode | undefined): void {
    if (file === undefined) return
    file.isRemoved = true
    this.usedBytes -= file.size
  }
}

/** `Files` in memory, empty at first. */
export const layer = (options: Options = {}): Layer.Layer<Files> =>
  Layer.sync(Files)(() => new MemoryFiles(options).service)
