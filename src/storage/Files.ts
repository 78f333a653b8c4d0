/**
 * The file system as the relay uses it: a replaceable service of raw operations on absolute paths.
 *
 * It knows nothing of streams, chunks or limits. Modes are those of the reference (directories 0770, files 0660, both
 * filtered by the process umask). Nothing is synced unasked. A write in flight cannot be recalled, so writes are
 * uninterruptible: the descriptor under them must not be closed early.
 */
import { Context, type Effect, Schema } from "effect"
import { masked } from "../errors/Secrets.ts"
import type { BesideWrite, Piece } from "../memory/Piece.ts"

export type { BesideWrite, Piece } from "../memory/Piece.ts"

/** A file-system call failed. `code` is the system's (`ENOSPC`, `EIO`, `EMFILE`, …). */
export class FileFailed extends Schema.TaggedError<FileFailed>()("FileFailed", {
  operation: Schema.String,
  path: Schema.String,
  code: Schema.String
}) {
  override get message() {
    return `${this.operation} ${masked(this.path)}: ${this.code}`
  }
}

/** How a file is opened: made, and nothing may have its name; made or emptied; for more writing; for reading only. */
export type OpenMode = "new" | "create" | "continue" | "read"

/** A file as it is now. */
export interface Look {
  readonly byteCount: number
  /** When it was written last, in ms by the clock of its system: to be compared only with others of the same file. */
  readonly modifiedMillis: number
}

/**
 * One open file. Whoever opened it closes it, once, after everything else asked of it is done. It has no accessors: the
 * runtime would keep an object with accessors of its own as a table of names, and each packet would look into that.
 */
export interface OpenFile {
  /** The device the file lies on, to tell slow disks apart. */
  readonly device: number
  /** With the device, tells whether a path still names this file. */
  readonly inode: number
  /** When it was written last before it was opened, in ms since the epoch; undefined: nobody knows. */
  readonly modifiedMillis?: number
  /** Writes every byte of `buffers` at `position`. The buffers must not change until it is done. */
  readonly write: (buffers: ReadonlyArray<Uint8Array>, position: number) => Effect.Effect<void, FileFailed>
  /** Its device keeps nobody waiting just now (`Promptness`): `writeNow` may be called. Undefined: always. */
  readonly isPrompt?: () => boolean
  /**
   * While the device is prompt: writes `bytes[from, to)` at `position` in this call and answers how many bytes it
   * could write. The rest, and what is wrong, is for `write`. Undefined: it is never written in this way.
   */
  readonly writeNow?: ((bytes: Uint8Array, from: number, to: number, position: number) => number) | undefined
  /**
   * While the device is prompt, and where there is a thread (`hasBeside`): lets it write up to `besidePieceCountMax`
   * held `pieces` at `position`, one after the other. They must not change before the write is settled. `onDone` is
   * called some time after it is done, unless it was settled before. Undefined when the thread cannot, or has enough to
   * do: then `writeNow` can write.
   */
  readonly writeBeside?:
    | ((pieces: ReadonlyArray<Piece>, position: number, onDone: () => void) => BesideWrite | undefined)
    | undefined
  /**
   * Its device is memory, or the only disk that is written to: an answer may wait for it, slow as it may be just now.
   * Undefined: the same as `isPrompt`.
   */
  readonly isNear?: () => boolean
  /** Another thread may write to it now. Undefined: whenever there is a `writeBeside`. */
  readonly hasBeside?: () => boolean
  /** A thread that has been started has room for a `writeBeside`. */
  readonly hasBesideRoom?: () => boolean
  /** Reads into `into` and answers how many bytes: fewer than its length only at the end of the file. */
  readonly read: (into: Uint8Array, position: number) => Effect.Effect<number, FileFailed>
  /** Cuts the file to `size` bytes. */
  readonly truncate: (size: number) => Effect.Effect<void, FileFailed>
  /** Done when all bytes written so far would outlive the machine's power. */
  readonly sync: Effect.Effect<void, FileFailed>
  readonly close: Effect.Effect<void>
  /** No name leads to it any more: what is written to it is kept nowhere. Undefined: nobody knows. */
  readonly isRemoved?: Effect.Effect<boolean, FileFailed> | undefined
  /** The file as it is now. Undefined: nobody knows. */
  readonly look?: Effect.Effect<Look, FileFailed>
}

/** Whether `writeNow` may do something. */
export const isPrompt = ({ isPrompt, writeNow }: OpenFile): boolean =>
  writeNow !== undefined && (isPrompt === undefined || isPrompt())

/** One name in a directory; a symbolic link is no directory. */
export interface DirectoryEntry {
  readonly name: string
  readonly isDirectory: boolean
}

/** The operations a store needs. Paths are absolute; failures carry the system's code. */
export class Files extends Context.Service<
  Files,
  {
    /** Fails as the system does: `ENOENT` for what does not exist, `EMFILE` without a free descriptor. */
    readonly open: (path: string, mode: OpenMode) => Effect.Effect<OpenFile, FileFailed>
    /** Makes the directory and its parents; existing ones are accepted as they are. */
    readonly makeDirectory: (path: string) => Effect.Effect<void, FileFailed>
    /** Renames a file or directory; replaces a file of the new name. */
    readonly rename: (from: string, to: string) => Effect.Effect<void, FileFailed>
    /** Removes a file's name; while the file is open, its bytes stay. */
    readonly unlink: (path: string) => Effect.Effect<void, FileFailed>
    /** As `unlink`, but does not wait for a device to give back the file's space: milliseconds for a large file. */
    readonly displace: (path: string) => Effect.Effect<void, FileFailed>
    /** Removes an empty directory; fails with `ENOTEMPTY` if it is not. */
    readonly removeDirectory: (path: string) => Effect.Effect<void, FileFailed>
    /** The names in a directory, in no order. */
    readonly list: (path: string) => Effect.Effect<ReadonlyArray<DirectoryEntry>, FileFailed>
    /** The length of a file in bytes; of a symbolic link, its own. */
    readonly size: (path: string) => Effect.Effect<number, FileFailed>
    /** Makes it look as if the file was written last at `millis` since the epoch. Undefined: that is not possible. */
    readonly date?: (path: string, millis: number) => Effect.Effect<void, FileFailed>
    /** Done when the names in a directory would outlive the machine's power. */
    readonly syncDirectory: (path: string) => Effect.Effect<void, FileFailed>
    /** The path with every symbolic link resolved. */
    readonly resolve: (path: string) => Effect.Effect<string, FileFailed>
    /** Neither bytes nor names are kept. */
    readonly keepsNothing?: boolean
  }
>()("lttng-relay/Files") {}
