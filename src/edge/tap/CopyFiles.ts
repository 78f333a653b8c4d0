/**
 * Files of the copy that an edge keeps for the viewers of its host. A copy that cannot be written costs nobody the
 * session: what fails is left out, and only what the relay would refuse too is refused.
 */
import { Effect, Result } from "effect"
import { type FileFailed, Files, type OpenFile } from "../../storage/Files.ts"
import { anyInode } from "../../storage/ShadowFiles.ts"
import * as DiscardFiles from "./DiscardFiles.ts"

const isRefusal = ({ code }: FileFailed): boolean => code === "ENAMETOOLONG"

/** There is nothing of that name, or no directory. */
const isAbsence = ({ code }: FileFailed): boolean => code === "ENOENT" || code === "ENOTDIR"

/** A directory is gone already, or has something of others in it. */
const isLeft = (failure: FileFailed): boolean => isAbsence(failure) || /^(ENOTEMPTY|EEXIST)$/.test(failure.code)

/** In place of one that cannot be opened, whichever that was. */
const standIn = (file: OpenFile): OpenFile => ({ ...file, inode: anyInode })

export const make = (
  files: Files["Service"],
  onFailure: (failure: FileFailed) => Effect.Effect<void>
): Files["Service"] => {
  const or = <A>(work: Effect.Effect<A, FileFailed>, otherwise: Effect.Effect<A, FileFailed>) =>
    Effect.catch(work, (failure) =>
      isRefusal(failure) ? Effect.fail(failure) : Effect.andThen(onFailure(failure), otherwise)
    )
  /** The same for what may be there or not. */
  const ifThere = <A>(work: Effect.Effect<A, FileFailed>, otherwise: Effect.Effect<A, FileFailed>) =>
    Effect.catch(work, (failure) => (isAbsence(failure) ? Effect.fail(failure) : or(Effect.fail(failure), otherwise)))
  const lenient = (file: OpenFile): OpenFile => ({
    ...file,
    write: (buffers, position) => or(file.write(buffers, position), Effect.void),
    truncate: (size) => or(file.truncate(size), Effect.void),
    sync: or(file.sync, Effect.void)
  })
  const nothing = DiscardFiles.service
  return Files.of({
    ...files,
    open: (path, mode) =>
      Effect.flatMap(Effect.result(files.open(path, mode)), (opened) => {
        if (Result.isSuccess(opened)) return Effect.succeed(lenient(opened.success))
        const { failure } = opened
        if (mode === "read" || isRefusal(failure)) return Effect.fail(failure)
        return Effect.andThen(onFailure(failure), Effect.map(nothing.open(path, mode), standIn))
      }),
    makeDirectory: (path) => or(files.makeDirectory(path), Effect.void),
    rename: (from, to) => or(files.rename(from, to), Effect.void),
    unlink: (path) => ifThere(files.unlink(path), Effect.void),
    displace: (path) => ifThere(files.displace(path), Effect.void),
    removeDirectory: (path) =>
      or(
        Effect.catchIf(files.removeDirectory(path), isLeft, () => Effect.void),
        Effect.void
      ),
    list: (path) => ifThere(files.list(path), Effect.succeed([])),
    syncDirectory: (path) => or(files.syncDirectory(path), Effect.void)
  })
}
