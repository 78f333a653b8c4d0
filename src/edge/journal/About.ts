/**
 * Small files beside a journal's segments, for the next process: which session it is of, whether it is over, and what
 * of it was sent.
 */
import { Effect, Schema } from "effect"
import * as Format from "../../model/Format.ts"
import type { FileFailed, Files } from "../../storage/Files.ts"
import type { Home } from "./Home.ts"
import * as JsonFile from "./JsonFile.ts"

export const About = Schema.Struct({
  /** Names the tracing session, the same for all its connections. */
  key: Schema.String,
  /** HOST/SESSION, to be shown to people. */
  name: Schema.String,
  /** The edge that brings it; absent: tracers of this host do. */
  from: Schema.optionalKey(Schema.String),
  /** Whose that edge was when it brought it first. */
  owner: Schema.optionalKey(Schema.String),
  createdMillis: Schema.Finite,
  /** How often a relay that takes no journals has begun it; absent: never. */
  begunCount: Schema.optionalKey(Schema.Int)
})
export interface About extends Schema.Schema.Type<typeof About> {}

/** Follows the token in the name if another edge brings it: the next process knows that even if all else is lost. */
const passedSuffix = ".passed"
const asideSuffix = ".lost"

/** The name of the journal's directory in a spool. */
export const nameOf = (token: string, isPassed: boolean): string => (isPassed ? `${token}${passedSuffix}` : token)

interface Named {
  readonly token: string
  readonly isPassed: boolean
}

/** Undefined: not a journal's directory. Earlier versions wrote tokens with dashes. */
export const named = (name: string): Named | undefined => {
  const [, token, suffix] = /^([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(\.passed)?$/.exec(name) ?? []
  return token === undefined ? undefined : { token, isPassed: suffix !== undefined }
}

/** The directory of a journal that was put aside. */
export const isAsideName = (name: string): boolean =>
  name.endsWith(asideSuffix) && named(name.slice(0, -asideSuffix.length)) !== undefined

const fileName = "about.json"
/** A longer file was not written by us. */
const bytesMax = 64 * 1024

const text = JsonFile.text(bytesMax)
const stored = JsonFile.reader(About, bytesMax)

export const write = (
  files: Files["Service"],
  directory: string,
  about: About,
  isSynced: boolean
): Effect.Effect<void, FileFailed> => JsonFile.write(files, `${directory}/${fileName}`, about, isSynced)

/** Whoever reads it finds what was there, or this, also after a power cut. */
export const replace = (files: Files["Service"], directory: string, about: About): Effect.Effect<void, FileFailed> =>
  JsonFile.replace(files, `${directory}/${fileName}`, about, true)

/** Undefined: it is not there, or not whole. */
export const read = (files: Files["Service"], directory: string): Effect.Effect<About | undefined> =>
  stored(files, `${directory}/${fileName}`)

/** A later version of the edge wrote it. */
export const isLater = (files: Files["Service"], directory: string): Effect.Effect<boolean> =>
  Effect.map(text(files, `${directory}/${fileName}`), Format.isLater)

interface Place {
  readonly files: Files["Service"]
  readonly directory: string
  readonly isSynced: boolean
}

/** Syncs the directory's names, where anything is synced. */
const stable = ({ directory, files, isSynced }: Place): Effect.Effect<void, FileFailed> =>
  isSynced ? files.syncDirectory(directory) : Effect.void

/** `before` runs once nobody uses the directory any more. */
const moved = (place: Place, home: Home, to: string, before = Effect.void): Effect.Effect<void, FileFailed> =>
  Effect.andThen(
    home.moves(to, (from) => Effect.andThen(before, place.files.rename(from, to))),
    stable(place)
  )

const overName = "over"

/** Notes that the relay has all of it. Only after that the relay may be told to forget it. */
export const markOver = (
  files: Files["Service"],
  directory: string,
  isSynced: boolean
): Effect.Effect<void, FileFailed> =>
  Effect.flatMap(files.open(`${directory}/${overName}`, "create"), (file) =>
    Effect.andThen(file.close, stable({ directory, files, isSynced }))
  )

export const isOver = (files: Files["Service"], directory: string): Effect.Effect<boolean> =>
  Effect.orElseSucceed(
    Effect.map(files.list(directory), (entries) => entries.some(({ name }) => name === overName)),
    () => false
  )

/** Keeps what could not be forwarded under another name, for whoever wants to look. */
export const putAside = (place: Place, home: Home, before: Effect.Effect<void>): Effect.Effect<void, FileFailed> =>
  moved(place, home, `${home.directory}${asideSuffix}`, before)

/** Its directory was put aside, and nobody has removed it. */
export const isAside = ({ directory, files }: Pick<Place, "files" | "directory">, token: string) =>
  Effect.orElseSucceed(
    Effect.map(files.list(directory), (entries) =>
      entries.some(({ name }) => name === `${nameOf(token, true)}${asideSuffix}`)
    ),
    () => false
  )

/** The edge before has forgotten it: from now on it is treated as one of this edge's own. */
export const keepAsOwn = (place: Place, home: Home, token: string): Effect.Effect<void, FileFailed> =>
  moved(place, home, `${place.directory}/${nameOf(token, false)}`)

const sentName = "sent"
const sentDigits = 16

/** Notes what may have been sent to the relay: all segments up to the one that begins with record `first`. */
export const markSent = (
  files: Files["Service"],
  directory: string,
  first: number,
  isSynced: boolean
): Effect.Effect<void, FileFailed> =>
  Effect.flatMap(files.open(`${directory}/${sentName}`, first === 0 ? "create" : "continue"), (file) => {
    // Written in place, and never longer than before, so that a full disk has room for it.
    const written = file.write([Buffer.from(String(first).padStart(sentDigits, "0"))], 0)
    return Effect.ensuring(Effect.andThen(written, isSynced ? file.sync : Effect.void), file.close)
  })

/** From now on it is not known what may have been sent. */
export const forgetSent = (files: Files["Service"], directory: string): Effect.Effect<void> =>
  Effect.ignore(files.unlink(`${directory}/${sentName}`))

/** Undefined: it is not known. */
export const sent = (files: Files["Service"], directory: string): Effect.Effect<number | undefined> =>
  Effect.gen(function* () {
    const file = yield* files.open(`${directory}/${sentName}`, "read")
    const bytes = Buffer.alloc(sentDigits)
    const count = yield* Effect.ensuring(file.read(bytes, 0), file.close)
    const text = bytes.toString("latin1", 0, count)
    return /^\d{16}$/.test(text) ? Number(text) : undefined
  }).pipe(Effect.orElseSucceed(() => undefined))

/**
 * With the directory, and what is left there of its records, since it could not be removed before. What says that it is
 * over goes last: a record that stays is not begun again by who comes after this process.
 */
export const remove = (files: Files["Service"], directory: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    const names = (yield* files.list(directory)).map(({ name }) => name).filter((name) => name !== overName)
    const removed = yield* Effect.forEach(names, (name) => Effect.isSuccess(files.unlink(`${directory}/${name}`)))
    if (removed.includes(false)) return
    yield* Effect.ignore(files.unlink(`${directory}/${overName}`))
    yield* files.removeDirectory(directory)
  }).pipe(Effect.ignore)
