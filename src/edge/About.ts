/** What a journal is of, and whether it is over: small files beside its segments, for who comes after this process. */
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

/** Names of directories in a spool, each a journal's. */
export const isToken = (name: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name)

const fileName = "about.json"
/** Longer is none of ours. */
const bytesMax = 64 * 1024

const stored = JsonFile.reader(About, bytesMax)

export const write = (files: Files["Service"], directory: string, about: About): Effect.Effect<void, FileFailed> =>
  JsonFile.write(files, `${directory}/${fileName}`, about)

/** Undefined: it is not there, or not whole. */
export const read = (files: Files["Service"], directory: string): Effect.Effect<About | undefined> =>
  stored(files, `${directory}/${fileName}`)

const overName = "over"

/** The relay has all of it: from here on it may be told so. */
export const markOver = (
  files: Files["Service"],
  directory: string,
  isSynced: boolean
): Effect.Effect<void, FileFailed> =>
  Effect.flatMap(files.open(`${directory}/${overName}`, "create"), (file) =>
    Effect.andThen(file.close, isSynced ? files.syncDirectory(directory) : Effect.void)
  )

export const isOver = (files: Files["Service"], directory: string): Effect.Effect<boolean> =>
  Effect.orElseSucceed(
    Effect.map(files.list(directory), (entries) => entries.some(({ name }) => name === overName)),
    () => false
  )

export const remove = (files: Files["Service"], directory: string): Effect.Effect<void> =>
  Effect.forEach([fileName, overName], (name) => Effect.ignore(files.unlink(`${directory}/${name}`)), { discard: true })
