/**
 * The names of a file system in memory: directories, files and symbolic links, found, made, moved and removed as POSIX
 * has it. What is refused throws a `Refusal`. Of the files' bytes it knows nothing.
 */
import type { DirectoryEntry, OpenMode } from "./Files.ts"

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

export class Refusal {
  readonly code: Code
  constructor(code: Code) {
    this.code = code
  }
}

export interface FileNode {
  readonly kind: "file"
  readonly inode: number
  bytes: Buffer
  size: number
  /** No name leads to it any more. */
  isRemoved: boolean
  /** Counts changes, in place of a time of the last one. */
  changeCount: number
}

export interface DirectoryNode {
  readonly kind: "directory"
  readonly inode: number
  readonly entries: Map<string, Node>
}

interface LinkNode {
  readonly kind: "link"
  readonly target: string
}

export type Node = FileNode | DirectoryNode | LinkNode

/** What a path leads to, links followed. */
export type Found = FileNode | DirectoryNode

/** As many symbolic links as Linux follows in one path. */
const linkCountMax = 40
/** Longest name of one entry, as on the usual file systems. */
const nameBytesMax = 255

/** Where the last component of a path is, or would be. */
interface Place {
  readonly parent: DirectoryNode
  readonly name: string
  /** Absolute path of the place with the links before it resolved. */
  readonly path: string
}

export class MemoryTree {
  readonly #root: DirectoryNode = { kind: "directory", inode: 1, entries: new Map() }
  #lastInode = 1

  /** The file to be opened, with the bytes that it had; made if it is missing and the mode makes files. */
  file(path: string, mode: OpenMode): FileNode {
    const { parent, name } = this.#place(path)
    const found = parent.entries.get(name)
    if (found === undefined) {
      if (mode !== "create" && mode !== "new") throw new Refusal("ENOENT")
      const inode = ++this.#lastInode
      const node: FileNode = { kind: "file", inode, bytes: Buffer.alloc(0), size: 0, isRemoved: false, changeCount: 0 }
      parent.entries.set(name, node)
      return node
    }
    if (mode === "new") throw new Refusal("EEXIST")
    if (found.kind === "link") throw new Refusal("ELOOP")
    if (found.kind === "directory") throw new Refusal("EISDIR")
    return found
  }

  link(path: string, target: string): void {
    const { name, parent } = this.#place(path)
    parent.entries.set(name, { kind: "link", target })
  }

  makeDirectory(path: string): void {
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

  /** Answers the file that it replaces, if any. */
  rename(from: string, to: string): FileNode | undefined {
    const source = this.#place(from)
    const moved = source.parent.entries.get(source.name)
    if (moved === undefined) throw new Refusal("ENOENT")
    const target = this.#place(to)
    const replaced = target.parent.entries.get(target.name)
    if (replaced === moved) return undefined
    if (moved.kind === "directory") {
      if (`${target.path}/`.startsWith(`${source.path}/`)) throw new Refusal("EINVAL")
      if (replaced !== undefined && replaced.kind !== "directory") throw new Refusal("ENOTDIR")
      if (replaced !== undefined && replaced.entries.size > 0) throw new Refusal("ENOTEMPTY")
    } else if (replaced?.kind === "directory") throw new Refusal("EISDIR")
    source.parent.entries.delete(source.name)
    target.parent.entries.set(target.name, moved)
    return fileOf(replaced)
  }

  /** Answers the file that has no name any more. */
  unlink(path: string): FileNode | undefined {
    const { parent, name } = this.#place(path)
    const found = parent.entries.get(name)
    if (found === undefined) throw new Refusal("ENOENT")
    if (found.kind === "directory") throw new Refusal("EISDIR")
    parent.entries.delete(name)
    return fileOf(found)
  }

  removeDirectory(path: string): void {
    const { parent, name } = this.#place(path)
    const found = parent.entries.get(name)
    if (found === undefined) throw new Refusal("ENOENT")
    if (found.kind !== "directory") throw new Refusal("ENOTDIR")
    if (found.entries.size > 0) throw new Refusal("ENOTEMPTY")
    parent.entries.delete(name)
  }

  list(path: string): ReadonlyArray<DirectoryEntry> {
    const { node } = this.#walk(path)
    if (node.kind !== "directory") throw new Refusal("ENOTDIR")
    return [...node.entries].map(([name, child]) => ({ name, isDirectory: child.kind === "directory" }))
  }

  /** Bytes of a file, or of the text of a link; 0 for a directory. */
  size(path: string): number {
    const { parent, name } = this.#place(path)
    const found = parent.entries.get(name)
    if (found === undefined) throw new Refusal("ENOENT")
    if (found.kind === "link") return Buffer.byteLength(found.target)
    return found.kind === "file" ? found.size : 0
  }

  find(path: string): Found | undefined {
    try {
      return this.#walk(path).node
    } catch (refusal) {
      if (refusal instanceof Refusal && refusal.code === "ENOENT") return undefined
      throw refusal
    }
  }

  resolve(path: string): string {
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
  #walk(path: string): { readonly node: Found; readonly path: string } {
    const names = componentsOf(path)
    const nodes: Array<Found> = [this.#root]
    const resolved: Array<string> = []
    let linkCount = 0
    while (names.length > 0) {
      const name = names.shift() as string
      const here = nodes.at(-1) as Found
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
    return { node: nodes.at(-1) as Found, path: `/${resolved.join("/")}` }
  }
}

const fileOf = (node: Node | undefined) => (node?.kind === "file" ? node : undefined)

const componentsOf = (path: string) => path.split("/").filter((name) => name !== "")

export const parentOf = (path: string) => path.slice(0, Math.max(1, path.replace(/\/+$/, "").lastIndexOf("/")))

const checked = (name: string): string => {
  if (Buffer.byteLength(name) > nameBytesMax) throw new Refusal("ENAMETOOLONG")
  return name
}
