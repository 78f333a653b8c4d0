/**
 * `Files` in memory: a tree of directories, files and symbolic links that behaves as a POSIX file system does towards
 * the relay. For embedders that keep traces in memory, and for tests.
 *
 * An open file is its inode: it follows renames, and keeps its bytes when its name is removed or taken over. Nothing is
 * asynchronous, so operations are atomic and ordered as they are run. There are no modes, owners or times.
 */
import { Effect, Layer } from "effect"
import { type DirectoryEntry, FileFailed, Files, type OpenFile, type OpenMode } from "./Files.ts"

type Code =
  | "ENOENT"
  | "ENOTDIR"
  | "EISDIR"
  | "EEXIST"
  | "ENOTEMPTY"
  | "ELOOP"
  | "EINVAL"
  | "EBADF"
  | "ENAMETOOLONG"
  | "ENOSPC"

class Refusal {
  readonly code: Code
  constructor(code: Code) {
    this.code = code
  }
}

interface FileNode {
  readonly kind: "file"
  readonly inode: number
  bytes: Buffer
  size: number
  /** No name leads to it. */
  isRemoved: boolean
  /** In place of a time. */
  changeCount: number
}

interface DirectoryNode {
  readonly kind: "directory"
  readonly inode: number
  readonly entries: Map<string, Node>
}

interface LinkNode {
  readonly kind: "link"
  readonly target: string
}

type Node = FileNode | DirectoryNode | LinkNode

/** As many symbolic links as Linux follows in one path. */
const linkCountMax = 40
/** Longest name of one entry, as on the usual file systems. */
const nameBytesMax = 255

/** Of files in memory. */
export interface Options {
  /** Bytes all files may have together; writes beyond fail with ENOSPC after what still fits. */
  readonly bytesMax?: number
  /** What the files say they lie on. */
  readonly device?: number
  /** Whether files can be written in the caller's turn, without waiting as for a disk; true by default. */
  readonly isImmediate?: boolean
  /** Whether an answer may wait for them; as `isImmediate` by default. */
  readonly isNear?: boolean
}

/** Where the last component of a path is, or would be. */
interface Place {
  readonly parent: DirectoryNode
  readonly name: string
  /** Absolute path of the place with the links before it resolved. */
  readonly path: string
}

/** A file system in memory: what `Files` asks of a disk, and a look at what is there. */
export class MemoryFiles {
  readonly #root: DirectoryNode = { kind: "directory", inode: 1, entries: new Map() }
  readonly #bytesMax: number
  readonly #device: number
  readonly #isImmediate: boolean
  readonly #isNear: boolean
  #lastInode = 1
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
      makeDirectory: (path) => this.#run("mkdir", path, () => this.#makeDirectory(path)),
      rename: (from, to) => this.#run("rename", from, () => this.#rename(from, to)),
      unlink: (path) => this.#run("unlink", path, () => this.#unlink(path)),
      displace: (path) => this.#run("unlink", path, () => this.#unlink(path)),
      syncDirectory: () => Effect.void,
      removeDirectory: (path) => this.#run("rmdir", path, () => this.#removeDirectory(path)),
      list: (path) => this.#run("readdir", path, () => this.#list(path)),
      size: (path) => this.#run("lstat", path, () => this.#size(path)),
      resolve: (path) => this.#run("realpath", path, () => this.#resolve(path))
    })
  }

  // ---- for whoever holds the files in memory ---------------------------------------------------------------------

  /** The bytes of the file now; undefined when there is none. Valid until the file is next written. */
  read(path: string): Buffer | undefined {
    const node = this.#find(path)
    return node?.kind === "file" ? node.bytes.subarray(0, node.size) : undefined
  }

  /** Makes or replaces a file; its directories must be there. */
  write(path: string, bytes: Uint8Array): void {
    this.#makeDirectory(parentOf(path))
    const { node } = this.#openNode(path, "create")
    this.#writeAt(node, [bytes], 0)
  }

  /** Makes a symbolic link. */
  link(path: string, target: string): void {
    const place = this.#place(path)
    place.parent.entries.set(place.name, { kind: "link", target })
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
    const start = this.#find(from)
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
    const { node } = this.#openNode(path, mode)
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
      isNear: this.#isNear,
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

  #openNode(path: string, mode: OpenMode): { readonly node: FileNode } {
    const { parent, name } = this.#place(path)
    const found = parent.entries.get(name)
    if (found === undefined) {
      if (mode !== "create" && mode !== "new") throw new Refusal("ENOENT")
      const node: FileNode = {
        kind: "file",
        inode: ++this.#lastInode,
        bytes: Buffer.alloc(0),
        size: 0,
        isRemoved: false,
        changeCount: 0
      }
      parent.entries.set(name, node)
      return { node }
    }
    if (mode === "new") throw new Refusal("EEXIST")
    if (found.kind === "link") throw new Refusal("ELOOP")
    if (found.kind === "directory") throw new Refusal("EISDIR")
    if (mode === "create") this.#resize(found, 0)
    return { node: found }
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

  #makeDirectory(path: string): void {
    let node = this.#root
    let at = ""
    for (const name of componentsOf(path)) {
      at += `/${name}`
      if (!node.entries.has(name)) node.entries.set(checked(name), this.#directory())
      const found = this.#walk(at).node
      if (found.kind !== "directory") throw new Refusal(at === path ? "EEXIST" : "ENOTDIR")
      node = found
    }
  }

  #directory(): DirectoryNode {
    return { kind: "directory", inode: ++this.#lastInode, entries: new Map() }
  }

  #rename(from: string, to: string): void {
    const source = this.#place(from)
    const moved = source.parent.entries.get(source.name)
    if (moved === undefined) throw new Refusal("ENOENT")
    const target = this.#place(to)
    const replaced = target.parent.entries.get(target.name)
    if (replaced === moved) return
    if (moved.kind === "directory") {
      if (`${target.path}/`.startsWith(`${source.path}/`)) throw new Refusal("EINVAL")
      if (replaced !== undefined && replaced.kind !== "directory") throw new Refusal("ENOTDIR")
      if (replaced !== undefined && replaced.entries.size > 0) throw new Refusal("ENOTEMPTY")
    } else if (replaced?.kind === "directory") throw new Refusal("EISDIR")
    if (replaced?.kind === "file") this.#unnamed(replaced)
    source.parent.entries.delete(source.name)
    target.parent.entries.set(target.name, moved)
  }

  #unlink(path: string): void {
    const { parent, name } = this.#place(path)
    const found = parent.entries.get(name)
    if (found === undefined) throw new Refusal("ENOENT")
    if (found.kind === "directory") throw new Refusal("EISDIR")
    parent.entries.delete(name)
    if (found.kind === "file") this.#unnamed(found)
  }

  #unnamed(node: FileNode): void {
    node.isRemoved = true
    this.usedBytes -= node.size
  }

  #removeDirectory(path: string): void {
    const { parent, name } = this.#place(path)
    const found = parent.entries.get(name)
    if (found === undefined) throw new Refusal("ENOENT")
    if (found.kind !== "directory") throw new Refusal("ENOTDIR")
    if (found.entries.size > 0) throw new Refusal("ENOTEMPTY")
    parent.entries.delete(name)
  }

  #list(path: string): ReadonlyArray<DirectoryEntry> {
    const { node } = this.#walk(path)
    if (node.kind !== "directory") throw new Refusal("ENOTDIR")
    return [...node.entries].map(([name, child]) => ({ name, isDirectory: child.kind === "directory" }))
  }

  #size(path: string): number {
    const { node } = this.#walk(path)
    return node.kind === "file" ? node.size : 0
  }

  // ---- paths -----------------------------------------------------------------------------------------------------

  #find(path: string): Exclude<Node, LinkNode> | undefined {
    try {
      return this.#walk(path).node
    } catch (refusal) {
      if (refusal instanceof Refusal && refusal.code === "ENOENT") return undefined
      throw refusal
    }
  }

  #resolve(path: string): string {
    return this.#walk(path).path
  }

  #place(path: string): Place {
    const name = componentsOf(path).at(-1)
    if (name === undefined || name === "." || name === "..") throw new Refusal("EISDIR")
    const { node, path: parentPath } = this.#walk(parentOf(path))
    if (node.kind !== "directory") throw new Refusal("ENOTDIR")
    return { parent: node, name: checked(name), path: `${parentPath === "/" ? "" : parentPath}/${name}` }
  }

  /** Follows every link. */
  #walk(path: string): { readonly node: Exclude<Node, LinkNode>; readonly path: string } {
    const names = componentsOf(path)
    const nodes: Array<Exclude<Node, LinkNode>> = [this.#root]
    const resolved: Array<string> = []
    let linkCount = 0
    while (names.length > 0) {
      const name = names.shift() as string
      const here = nodes.at(-1) as Exclude<Node, LinkNode>
      if (here.kind !== "directory") throw new Refusal("ENOTDIR")
      if (name === ".") continue
      if (name === "..") {
        if (nodes.length > 1) nodes.pop()
        resolved.pop()
        continue
      }
      const next = here.entries.get(checked(name))
      if (next === undefined) throw new Refusal("ENOENT")
      if (next.kind === "link") {
        if (++linkCount > linkCountMax) throw new Refusal("ELOOP")
        names.unshift(...componentsOf(next.target))
        if (next.target.startsWith("/")) {
          nodes.length = 1
          resolved.length = 0
        }
        continue
      }
      nodes.push(next)
      resolved.push(name)
    }
    return { node: nodes.at(-1) as Exclude<Node, LinkNode>, path: `/${resolved.join("/")}` }
  }
}

const componentsOf = (path: string) => path.split("/").filter((name) => name !== "")
const parentOf = (path: string) => path.slice(0, Math.max(1, path.replace(/\/+$/, "").lastIndexOf("/")))

const checked = (name: string): string => {
  if (Buffer.byteLength(name) > nameBytesMax) throw new Refusal("ENAMETOOLONG")
  return name
}

/** `Files` in memory, empty at first. */
export const layer = (options: Options = {}): Layer.Layer<Files> =>
  Layer.sync(Files)(() => new MemoryFiles(options).service)
