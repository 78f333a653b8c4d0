/** What a journal is of: a small file beside its segments, for who comes after this process. */
import { Effect, Option, Schema } from "effect"
import type { FileFailed, Files } from "../storage/Files.ts"

export const About = Schema.Struct({
  /** Of the tracing session, the same for all its connections. */
  key: Schema.String,
  /** HOST/SESSION, for people. */
  name: Schema.String,
  createdMillis: Schema.Finite
})
export interface About extends Schema.Schema.Type<typeof About> {}

const fileName = "about.json"
/** Longer is none of ours. */
const bytesMax = 64 * 1024

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(About))

export const write = (files: Files["Service"], directory: string, about: About): Effect.Effect<void, FileFailed> =>
  Effect.flatMap(files.open(`${directory}/${fileName}`, "create"), (file) =>
    Effect.ensuring(file.write([Buffer.from(JSON.stringify(about))], 0), file.close)
  )

/** Undefined: it is not there, or not whole. */
export const read = (files: Files["Service"], directory: string): Effect.Effect<About | undefined> =>
  Effect.gen(function* () {
    const file = yield* files.open(`${directory}/${fileName}`, "read")
    const bytes = Buffer.alloc(bytesMax)
    const count = yield* Effect.ensuring(file.read(bytes, 0), file.close)
    return Option.getOrUndefined(decode(bytes.toString("utf8", 0, count)))
  }).pipe(Effect.orElseSucceed(() => undefined))

export const remove = (files: Files["Service"], directory: string): Effect.Effect<void> =>
  Effect.ignore(files.unlink(`${directory}/${fileName}`))
