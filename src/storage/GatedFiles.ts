/**
 * Files around others, where a gate decides on every operation: lets it pass now or later, in part, or not at all.
 * Files that fail, stall, are slow or count are made with it.
 */
import { Effect } from "effect"
import { type FileFailed, Files, isPrompt, type OpenFile } from "./Files.ts"

/** Operations, by the names of the system's calls. */
export type Operation =
  | "open"
  | "write"
  | "read"
  | "truncate"
  | "fsync"
  | "mkdir"
  | "rename"
  | "unlink"
  | "rmdir"
  | "readdir"
  | "realpath"
  | "lstat"
  | "fstat"

/** An operation that is to be let through. */
export interface Asked<A> {
  readonly operation: Operation
  /** The path that is operated on; of a rename, the old one. */
  readonly path: string
  readonly act: Effect.Effect<A, FileFailed>
  /** Bytes to be written or read; 0 for other operations. */
  readonly byteCount: number
  /** For a write: writes only the first `count` bytes. For other operations it does nothing. */
  readonly part: (count: number) => Effect.Effect<void, FileFailed>
}

export interface Gate {
  readonly pass: <A>(asked: Asked<A>) => Effect.Effect<A, FileFailed>
  /** How many of `count` bytes are written in the caller's turn; the rest comes to `pass`. Absent: none are. */
  readonly passNow?: (path: string, count: number) => number
  /** Whether another thread may write now. Absent: none does. */
  readonly passBeside?: (path: string) => boolean
}

const nothing = () => Effect.void

const sizeOf = (buffers: ReadonlyArray<Uint8Array>): number => buffers.reduce((sum, { length }) => sum + length, 0)

const gatedFile = (file: OpenFile, path: string, gate: Gate): OpenFile => {
  const { passBeside, passNow } = gate
  const { writeBeside, writeNow } = file
  const pass = <A>(operation: Operation, act: Effect.Effect<A, FileFailed>, byteCount = 0) =>
    gate.pass({ operation, path, act, byteCount, part: nothing })
  return {
    device: file.device,
    inode: file.inode,
    isPrompt: () => isPrompt(file),
    isNear: () => passNow !== undefined && (file.isNear?.() ?? isPrompt(file)),
    writeNow:
      writeNow === undefined || passNow === undefined
        ? undefined
        : (bytes, from, to, position) => {
            const count = passNow(path, to - from)
            return count === 0 && to > from ? 0 : writeNow(bytes, from, from + count, position)
          },
    writeBeside:
      writeBeside === undefined || passBeside === undefined
        ? undefined
        : (pieces, position, onDone) => (passBeside(path) ? writeBeside(pieces, position, onDone) : undefined),
    hasBeside: () => file.hasBeside?.() ?? true,
    hasBesideRoom: () => file.hasBesideRoom?.() === true && passBeside?.(path) === true,
    write: (buffers, position) => {
      const part = (count: number) =>
        count === 0 ? Effect.void : file.write([Buffer.concat(buffers).subarray(0, count)], position)
      const act = file.write(buffers, position)
      return gate.pass({ operation: "write", path, act, byteCount: sizeOf(buffers), part })
    },
    read: (into, position) => pass("read", file.read(into, position), into.length),
    truncate: (size) => pass("truncate", file.truncate(size)),
    sync: pass("fsync", file.sync),
    close: file.close,
    ...(file.isRemoved !== undefined && { isRemoved: file.isRemoved }),
    ...(file.look !== undefined && { look: pass("fstat", file.look) })
  }
}

export const make = (files: Files["Service"], gate: Gate): Files["Service"] => {
  const pass = <A>(operation: Operation, path: string, act: Effect.Effect<A, FileFailed>) =>
    gate.pass({ operation, path, act, byteCount: 0, part: nothing })
  return Files.of({
    open: (path, mode) => {
      // Suspended, since an open that has to wait must not begin before that.
      const act = Effect.suspend(() => files.open(path, mode))
      return Effect.map(pass("open", path, act), (file) => gatedFile(file, path, gate))
    },
    makeDirectory: (path) => pass("mkdir", path, files.makeDirectory(path)),
    rename: (from, to) => pass("rename", from, files.rename(from, to)),
    unlink: (path) => pass("unlink", path, files.unlink(path)),
    displace: (path) => pass("unlink", path, files.displace(path)),
    syncDirectory: (path) => pass("fsync", path, files.syncDirectory(path)),
    removeDirectory: (path) => pass("rmdir", path, files.removeDirectory(path)),
    list: (path) => pass("readdir", path, files.list(path)),
    size: (path) => pass("lstat", path, files.size(path)),
    resolve: (path) => pass("realpath", path, files.resolve(path))
  })
}
