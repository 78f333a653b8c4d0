/**
 * Files of the copy that an edge keeps for the viewers of its host. A copy that cannot be written costs nobody the
 * session: what fails is left out, and only what the relay would refuse too is refused.
 */
import { Effect, Result } from "effect"
import { type FileFailed, Files, type OpenFile } from "../../storage/Files.ts"
import * as DiscardFiles from "./DiscardFiles.ts"

const isRefusal = ({ code }: FileFailed): boolean => code === "ENAMETOOLONG"

export const make = (
  files: Files["Service"],
  onFailure: (failure: FileFailed) => Effect.Effect<void>
): Files["Service"] => {
  const or = <A>(work: Effect.Effect<A, FileFailed>, otherwise: Effect.Effect<A, FileFailed>) =>
    Effect.catch(work, (failure) =>
      isRefusal(failure) ? Effect.fail(failure) : Effect.andThen(onFailure(failure), otherwise)
    )
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
        // Those who only look whether it exists are told the truth.
        const isAnswer = mode === "read" || mode === "continue" || failure.code === "EEXIST" || isRefusal(failure)
        return isAnswer ? Effect.fail(failure) : Effect.andThen(onFailure(failure), nothing.open(path, mode))
      }),
    makeDirectory: (path) => or(files.makeDirectory(path), Effect.void),
    rename: (from, to) => or(files.rename(from, to), Effect.void),
    syncDirectory: (path) => or(files.syncDirectory(path), Effect.void)
  })
}
