/** Paths of the files that hold a journal's history, and flags that are files: what they say is that they exist. */
import { resolve } from "node:path"
import { Effect } from "effect"
import type { FileFailed, Files, OpenFile } from "../../storage/Files.ts"
import type { TraceStore } from "../../storage/TraceStore.ts"

/** Below the output directory. */
export const place = ".journals"

export type Store = TraceStore["Service"]

/** A session's directory in the one spelling that paths of files have: its tracer's may be `host/./a//b/`. */
export const directoryOf = ({ output }: Store, outputPath: string): string => resolve(`${output}/${outputPath}`)

export const pathsOf = (store: Store, token: string) => {
  const at = (suffix: string) => `${store.output}/${place}/${token}.${suffix}`
  const history = at("history")
  return {
    about: at("json"),
    history,
    fresh: `${history}.new`,
    changes: at("changes"),
    finished: at("finished"),
    ended: at("ended"),
    expired: at("expired"),
    away: at("away")
  }
}

/** Makes a file there, and the directory, which others remove once it is empty. */
export const create = (
  store: Store,
  path: string,
  files = store.retraceable.plain
): Effect.Effect<OpenFile, FileFailed> => {
  const made = Effect.andThen(files.makeDirectory(`${store.output}/${place}`), files.open(path, "create"))
  return Effect.retry(made, { times: 10, while: ({ code }) => code === "ENOENT" })
}

/** What is in the file; nothing if there is none. */
export const textOf = (files: Files["Service"], path: string): Effect.Effect<string, FileFailed> =>
  Effect.gen(function* () {
    const file = yield* files.open(path, "read")
    const read = Effect.gen(function* () {
      const bytes = Buffer.alloc(yield* files.size(path))
      return bytes.toString("utf8", 0, yield* file.read(bytes, 0))
    })
    return yield* Effect.ensuring(read, file.close)
  }).pipe(
    Effect.uninterruptible,
    Effect.catch((failure) => (failure.code === "ENOENT" ? Effect.succeed("") : Effect.fail(failure)))
  )

/** Done when the names there outlive the machine's power, its own included. */
export const syncNames = ({ output, retraceable: { plain } }: Store): Effect.Effect<void, FileFailed> =>
  Effect.andThen(plain.syncDirectory(`${output}/${place}`), plain.syncDirectory(output))

/**
 * Sets a flag of the journal, which stays until its edge knows; also of a journal without any other file. If there is
 * room it says whose the journal was.
 */
export const say = (
  store: Store,
  token: string,
  what: "finished" | "ended" | "expired",
  isSynced: boolean,
  owner = ""
): Effect.Effect<void, FileFailed> => {
  const bytes = Buffer.from(owner)
  const said = Effect.flatMap(create(store, pathsOf(store, token)[what]), (file) =>
    Effect.ensuring(bytes.length === 0 ? Effect.void : Effect.ignore(file.write([bytes], 0)), file.close)
  )
  return isSynced ? Effect.andThen(said, syncNames(store)) : said
}

/** Its edge is back: it is not expired any more. */
export const revive = (store: Store, token: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { away, expired } = pathsOf(store, token)
    for (const path of [expired, away]) yield* Effect.ignore(store.retraceable.plain.unlink(path))
  })

/** Removes the files, and the directory once nothing is in it. */
export const unlinked = (store: Store, paths: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const files = store.retraceable.plain
    for (const path of paths) yield* Effect.ignore(files.unlink(path))
    yield* Effect.ignore(files.removeDirectory(`${store.output}/${place}`))
  })

/** How long its history is; 0: there is none. */
export const byteCountOf = (store: Store, token: string): Effect.Effect<number> =>
  Effect.orElseSucceed(store.retraceable.plain.size(pathsOf(store, token).history), () => 0)

export const remove = (store: Store, token: string): Effect.Effect<void> => {
  const { about, away, changes, expired, fresh, history } = pathsOf(store, token)
  return unlinked(store, [history, fresh, changes, about, expired, away])
}

/**
 * The edge knows that the journal is over, and will not ask for it again. If its history cannot be removed, the flags
 * stay, too: otherwise the next relay would continue it, over files that are not its any more.
 */
export const forget = (store: Store, token: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { ended, finished, history } = pathsOf(store, token)
    const removed = yield* Effect.result(store.retraceable.plain.unlink(history))
    if (removed._tag === "Failure" && removed.failure.code !== "ENOENT") return
    yield* unlinked(store, [finished, ended])
  })
