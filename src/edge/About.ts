/** What a journal is of: a small file beside its segments, for who comes after this process. */
import { Effect, Schema } from "effect"
import type { FileFailed, Files } from "../storage/Files.ts"
import * as JsonFile from "./JsonFile.ts"

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

const stored = JsonFile.reader(About, bytesMax)

export const write = (files: Files["Service"], directory: string, about: About): Effect.Effect<void, FileFailed> =>
  JsonFile.write(files, `${directory}/${fileName}`, about)

/** Undefined: it is not there, or not whole. */
export const read = (files: Files["Service"], directory: string): Effect.Effect<About | undefined> =>
  stored(files, `${directory}/${fileName}`)

export const remove = (files: Files["Service"], directory: string): Effect.Effect<void> =>
  Effect.ignore(files.unlink(`${directory}/${fileName}`))
