/** A small JSON file, for who comes after this process or looks at it. */
import { Effect, Option, Schema } from "effect"
import type { FileFailed, Files, OpenMode } from "../../storage/Files.ts"

const bytesOf = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value)}\n`)

/** Replaces what was there, in place. */
export const write = (
  files: Files["Service"],
  path: string,
  value: unknown,
  isSynced = false
): Effect.Effect<void, FileFailed> => put(files, path, bytesOf(value), "create", isSynced)

const put = (
  files: Files["Service"],
  path: string,
  bytes: Buffer,
  mode: OpenMode,
  isSynced = false
): Effect.Effect<void, FileFailed> =>
  Effect.flatMap(files.open(path, mode), (file) => {
    const written = file.write([bytes], 0)
    return Effect.ensuring(Effect.andThen(written, isSynced ? file.sync : Effect.void), file.close)
  })

/** The same, but whoever reads it finds what was there, or `value`, and never a part. */
export const replace = (
  files: Files["Service"],
  path: string,
  value: unknown,
  isSynced = false
): Effect.Effect<void, FileFailed> =>
  Effect.andThen(write(files, `${path}.new`, value, isSynced), files.rename(`${path}.new`, path))

/** Such a file has room for what is longer by up to this. */
const roomBytes = 16 * 1024

const withSpace = (bytes: Buffer, byteCount: number): Buffer =>
  Buffer.concat([bytes], byteCount).fill(" ", bytes.length)

/**
 * `replace`, for what is written again and again: where no other file can be made, as on a full disk, it is written
 * over the one that is there, if that is long enough. A reader may find a part of it then, and reads again.
 */
export const renew = (files: Files["Service"], path: string, value: unknown): Effect.Effect<void, FileFailed> => {
  const bytes = bytesOf(value)
  const long = withSpace(bytes, Math.ceil(bytes.length / roomBytes) * roomBytes)
  const replaced = Effect.andThen(put(files, `${path}.new`, long, "create"), files.rename(`${path}.new`, path))
  return Effect.catch(replaced, (failed) =>
    Effect.flatMap(files.size(path), (byteCount) =>
      bytes.length > byteCount ? Effect.fail(failed) : put(files, path, withSpace(bytes, byteCount), "continue")
    )
  )
}

/** Reads the text of such files, of up to `bytesMax` bytes. Nothing: it cannot be read. */
export const text =
  (bytesMax: number) =>
  (files: Files["Service"], path: string): Effect.Effect<string> =>
    Effect.gen(function* () {
      const file = yield* files.open(path, "read")
      const bytes = Buffer.alloc(bytesMax)
      const count = yield* Effect.ensuring(file.read(bytes, 0), file.close)
      return bytes.toString("utf8", 0, count)
    }).pipe(Effect.orElseSucceed(() => ""))

/** Reads such files. Undefined: it is not there, or not whole. */
export const reader = <A>(schema: Schema.ConstraintDecoder<A>, bytesMax: number) => {
  const decode = Schema.decodeUnknownOption(Schema.fromJsonString(schema))
  const read = text(bytesMax)
  return (files: Files["Service"], path: string): Effect.Effect<A | undefined> =>
    Effect.map(read(files, path), (text) => Option.getOrUndefined(decode(text)))
}
