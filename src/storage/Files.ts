/**
 * The file system as the relay uses it: a replaceable service of raw operations on absolute paths.
 *
 * It knows nothing of streams, chunks or limits. Modes are those of the reference (directories 0770, files 0660, both
 * filtered by the process umask). Nothing is synced. A write in flight cannot be recalled, so writes are
 * uninterruptible: the descriptor under them must not be closed early.
 */

import * as fs from "node:fs"
import { constants } from "node:fs"
import * as path from "node:path"
import { Context, Effect, Layer, Schema } from "effect"

/** A file-system call failed. `code` is the system's (`ENOSPC`, `EIO`, `EMFILE`, …). */
export class FileFailed extends Schema.TaggedError<FileFailed>()("FileFailed", {
  operation: Schema.String,
  path: Schema.String,
  code: Schema.String
}) {
  override get message() {
    return `${this.operation} ${this.path}: ${this.code}`
  }
}

/** How a file is opened: emptied or made; as it stands for more writing; for reading only. */
export type OpenMode = "create" | "continue" | "read"

export interface OpenFile {
  /** The device the file lies on, to tell slow disks apart. */
  readonly device: number
  /** With the device, tells whether a path still names this file. */
  readonly inode: number
  /** Writes every byte of `buffers` at `position`. The buffers must not change until it is done. */
  readonly write: (buffers: ReadonlyArray<Uint8Array>, position: number) => Effect.Effect<void, FileFailed>
  /** Bytes read into `into`; fewer than its length only at the end of the file. */
  readonly read: (into: Uint8Array, position: number) => Effect.Effect<number, FileFailed>
  readonly truncate: (size: number) => Effect.Effect<void, FileFailed>
  readonly close: Effect.Effect<void>
}

export interface DirectoryEntry {
  readonly name: string
  readonly isDirectory: boolean
}

export class Files extends Context.Service<
  Files,
  {
    readonly open: (path: string, mode: OpenMode) => Effect.Effect<OpenFile, FileFailed>
    /** Makes the directory and its parents; existing ones are accepted as they are. */
    readonly makeDirectory: (path: string) => Effect.Effect<void, FileFailed>
    readonly rename: (from: string, to: string) => Effect.Effect<void, FileFailed>
    readonly unlink: (path: string) => Effect.Effect<void, FileFailed>
    readonly removeDirectory: (path: string) => Effect.Effect<void, FileFailed>
    readonly list: (path: string) => Effect.Effect<ReadonlyArray<DirectoryEntry>, FileFailed>
    /** The path with every symbolic link resolved. */
    readonly resolve: (path: string) => Effect.Effect<string, FileFailed>
  }
>()("relayd/storage/Files") {
  static readonly layerDisk = Layer.sync(Files)(() => disk)
}

const directoryMode = 0o770
const fileMode = 0o660
const flags: Record<OpenMode, number> = {
  create: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
  continue: constants.O_RDWR | constants.O_NOFOLLOW,
  read: constants.O_RDONLY | constants.O_NOFOLLOW
}
/** writev takes this many buffers at once on Linux (IOV_MAX). */
const vectorCountMax = 1024

type Callback<A> = (cause: NodeJS.ErrnoException | null, value: A) => void

const failed = (operation: string, at: string, cause: NodeJS.ErrnoException) =>
  new FileFailed({ operation, path: at, code: cause.code ?? cause.message })

const call = <A>(operation: string, at: string, start: (done: Callback<A>) => void): Effect.Effect<A, FileFailed> =>
  Effect.uninterruptible(
    Effect.callback<A, FileFailed>((resume) => {
      start((cause, value) => resume(cause ? Effect.fail(failed(operation, at, cause)) : Effect.succeed(value)))
    })
  )

const writeFully = (fd: number, at: string, buffers: ReadonlyArray<Uint8Array>, position: number) =>
  call<void>("write", at, (done) => {
    let index = 0
    let skip = 0
    let offset = position
    const step = () => {
      if (index === buffers.length) return done(null)
      const first = buffers[index] as Uint8Array
      if (buffers.length - index === 1) fs.write(fd, first, skip, first.length - skip, offset, written)
      else {
        const rest = buffers.slice(index, index + vectorCountMax) as Array<Uint8Array>
        if (skip > 0) rest[0] = first.subarray(skip)
        fs.writev(fd, rest, offset, written)
      }
    }
    // A short write is not an error by itself: the next call says why (no space, file-size limit) or goes on.
    const written = (cause: NodeJS.ErrnoException | null, count: number) => {
      if (cause) return done(cause)
      offset += count
      let left = count + skip
      while (index < buffers.length && left >= (buffers[index] as Uint8Array).length) {
        left -= (buffers[index] as Uint8Array).length
        index++
      }
      skip = left
      step()
    }
    step()
  })

const readFully = (fd: number, at: string, into: Uint8Array, position: number) =>
  call<number>("read", at, (done) => {
    let filled = 0
    const step = () => fs.read(fd, into, filled, into.length - filled, position + filled, arrived)
    const arrived = (cause: NodeJS.ErrnoException | null, count: number) => {
      if (cause) return done(cause, 0)
      filled += count
      if (count === 0 || filled === into.length) return done(null, filled)
      step()
    }
    step()
  })

const openFile = (at: string, mode: OpenMode): Effect.Effect<OpenFile, FileFailed> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const fd = yield* call<number>("open", at, (done) => fs.open(at, flags[mode], fileMode, done))
      const stats = yield* call<fs.Stats>("stat", at, (done) => fs.fstat(fd, done))
      return {
        device: stats.dev,
        inode: stats.ino,
        write: (buffers, position) => writeFully(fd, at, buffers, position),
        read: (into, position) => readFully(fd, at, into, position),
        truncate: (size) => call<void>("truncate", at, (done) => fs.ftruncate(fd, size, (cause) => done(cause))),
        close: Effect.ignore(call<void>("close", at, (done) => fs.close(fd, (cause) => done(cause ?? null))))
      } satisfies OpenFile
    })
  )

const disk = Files.of({
  open: openFile,
  makeDirectory: (at) =>
    call<void>("mkdir", at, (done) => fs.mkdir(at, { recursive: true, mode: directoryMode }, (cause) => done(cause))),
  rename: (from, to) => call<void>("rename", from, (done) => fs.rename(from, to, (cause) => done(cause))),
  unlink: (at) => call<void>("unlink", at, (done) => fs.unlink(at, (cause) => done(cause))),
  removeDirectory: (at) => call<void>("rmdir", at, (done) => fs.rmdir(at, (cause) => done(cause))),
  list: (at) =>
    Effect.map(
      call<Array<fs.Dirent>>("readdir", at, (done) => fs.readdir(at, { withFileTypes: true }, done)),
      (entries) => entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }))
    ),
  resolve: (at) => call<string>("realpath", at, (done) => fs.realpath.native(path.resolve(at), done))
})
