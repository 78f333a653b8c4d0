/**
 * Whether the files of an expired journal are as they were left. What the relay did itself behind the last mark makes
 * files shorter, too, and removes some, as where a ring goes round: by the files alone, nobody could tell that from
 * what others did to them.
 */
import type { Hash } from "node:crypto"
import { join } from "node:path"
import { Effect } from "effect"
import type { FileFailed } from "../../storage/Files.ts"
import { entriesOf } from "../../storage/Walks.ts"
import { create, pathsOf, type Store, textOf } from "./JournalFiles.ts"

/** Adds all files below `at`, in the order of their paths: by names below the output directory, which may be moved. */
const add = (hash: Hash, store: Store, at: string): Effect.Effect<void, FileFailed> =>
  Effect.gen(function* () {
    const files = store.retraceable.plain
    for (const { isDirectory, name } of [...(yield* entriesOf(files, at))].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(at, name)
      if (isDirectory) yield* add(hash, store, path)
      else hash.update(`${path.slice(store.output.length)} ${yield* files.size(path)}\n`)
    }
  })

/** Names and lengths of all files in the directories. */
export const digestOf = (store: Store, directories: Iterable<string>): Effect.Effect<string, FileFailed> =>
  Effect.suspend(() => {
    const hash: Hash = process.getBuiltinModule("node:crypto").createHash("sha256")
    const all = Effect.forEach([...directories].sort(), (directory) => add(hash, store, directory), { discard: true })
    return Effect.map(all, () => hash.digest("hex"))
  })

/** Writes into the flag of the journal how its files are now, after its sessions have ended. */
export const note = (store: Store, token: string, directories: Iterable<string>): Effect.Effect<void, FileFailed> =>
  Effect.gen(function* () {
    const digest = yield* digestOf(store, directories)
    const file = yield* create(store, pathsOf(store, token).expired)
    yield* Effect.ensuring(file.write([Buffer.from(digest)], 0), file.close)
  })

/**
 * To be asked before anything is undone. Also true of what a relay has left that was killed while its sessions ended:
 * then the note is still there since when the edge was away (`Away`), which is gone first where others changed files.
 */
export const isAsNoted = (store: Store, token: string, directories: Iterable<string>): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const { plain } = store.retraceable
    const { away, expired } = pathsOf(store, token)
    const noted = yield* textOf(plain, expired)
    if (noted === "") return yield* Effect.isSuccess(plain.size(away))
    return noted === (yield* digestOf(store, directories))
  }).pipe(Effect.orElseSucceed(() => false))
