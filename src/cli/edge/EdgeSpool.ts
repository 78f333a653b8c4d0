/** The directory of an edge's spool: made if it is missing, fit to be written, and used by one edge at a time. */
import { accessSync, constants, lstatSync, statfsSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { Effect, Result, type Scope } from "effect"
import * as SystemError from "../../errors/SystemError.ts"
import * as Directory from "../../storage/Directory.ts"
import * as Claim from "../../transport/Claim.ts"
import { attempt, PathRefused } from "../Paths.ts"

const flag = "spool"

/** Nobody else has any business with what tracers say. */
const mode = 0o700

const taken = "another edge is running there"

/** Name of the claim on the directory, the same whatever path leads to it. */
const nameOf = (directory: string): string => {
  const { dev, ino } = statSync(directory, { bigint: true })
  return `lttng-relay-edge/${dev}/${ino}`
}

/** On a smaller disk what must be written before anything can be freed may find no room: the edge would stand still. */
const diskBytesMin = 8 * 1024 * 1024

/** Bytes that are free on its file system; throws if that is too small. */
const diskOf = (directory: string): number => {
  const { bavail, blocks, bsize } = statfsSync(directory)
  const byteCount = blocks * bsize
  if (byteCount >= diskBytesMin) return bavail * bsize
  throw new Error(`its file system has ${byteCount} bytes in all, a spool needs ${diskBytesMin}`)
}

/** Fails if the directory's file system is too small for a spool, even if nothing else were there. */
export const fits = (directory: string): Effect.Effect<void, PathRefused> =>
  Effect.asVoid(attempt(flag, directory, diskOf))

/** The path, or the nearest directory above it that exists; a link that leads nowhere exists, too. */
const existing = (path: string): string =>
  path === "/" || lstatSync(path, { throwIfNoEntry: false }) !== undefined ? path : existing(dirname(path))

const look = (there: string): void => {
  if (!statSync(there).isDirectory()) throw new Error(SystemError.notDirectory)
  accessSync(there, constants.R_OK | constants.W_OK | constants.X_OK)
}

/** Makes the directory, if need be, and claims it until the scope closes. */
export const claim = (directory: string): Effect.Effect<void, PathRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const name = yield* attempt(flag, directory, () => {
      if (existing(directory) !== directory) Directory.makeNow(directory, mode)
      look(directory)
      return nameOf(directory)
    })
    yield* Effect.mapError(Claim.claim(name), () => new PathRefused({ flag, path: directory, reason: taken }))
  })

/** Why nothing can be written below a directory that is made when it is needed. */
export const unwritable = (flag: string, directory: string): Effect.Effect<string | undefined> =>
  Effect.match(
    attempt(flag, directory, () => look(existing(directory))),
    { onFailure: ({ message }) => message, onSuccess: () => undefined }
  )

/** Why `claim` or `fits` would fail, or what is worth a warning; nothing is made. */
export const complaintsOf = (
  directory: string,
  bytesMax: number
): Effect.Effect<{ readonly errors: ReadonlyArray<string>; readonly warnings: ReadonlyArray<string> }> =>
  Effect.gen(function* () {
    const looked = yield* Effect.result(
      attempt(flag, directory, () => {
        const there = existing(directory)
        look(there)
        return { isThere: there === directory, freeBytes: diskOf(there) }
      })
    )
    if (Result.isFailure(looked)) return { errors: [looked.failure.message], warnings: [] }
    const { freeBytes, isThere } = looked.success
    const warnings =
      freeBytes < bytesMax ? [`--spool-limit is ${bytesMax} bytes, its file system has ${freeBytes} left`] : []
    const claimed = isThere ? yield* Effect.result(Effect.scoped(claim(directory))) : Result.succeed(undefined)
    return { errors: Result.isFailure(claimed) ? [claimed.failure.message] : [], warnings }
  })
