/** A small JSON file, for who comes after this process or looks at it. */
import { Effect, Option, Schema } from "effect"
import type { FileFailed, Files } from "../../storage/Files.ts"

/** Replaces what was there, in place. */
export const write = (
  files: Files["Service"],
  path: string,
  value: unknown,
  isSynced = false
): Effect.Effect<void, FileFailed> =>
  Effect.flatMap(files.open(path, "create"), (file) => {
    const written = file.write([Buffer.from(`${JSON.stringify(value)}\n`)], 0)
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
