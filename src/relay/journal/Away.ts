/**
 * Since when a journal's edge is away, in a file of the journal. Without it each relay would wait for the edge anew,
 * and one that is started again every day would do so for ever.
 */
import { Effect } from "effect"
import { agoOf } from "../../Machine.ts"
import type { FileFailed } from "../../storage/Files.ts"
import { create, pathsOf, type Store, textOf, unlinked } from "./JournalFiles.ts"

/** `sinceMillis`: by the wall clock. */
export const note = (store: Store, token: string, sinceMillis: number): Effect.Effect<void, FileFailed> =>
  Effect.flatMap(create(store, pathsOf(store, token).away), (file) =>
    Effect.ensuring(file.write([Buffer.from(`${Math.round(sinceMillis)}`)], 0), file.close)
  )

/** For how long, as an earlier relay has noted; undefined: it has not, or the clock was set since. */
export const noted = (store: Store, token: string): Effect.Effect<number | undefined> =>
  textOf(store.retraceable.plain, pathsOf(store, token).away).pipe(
    Effect.map((text) => agoOf(Number(text))),
    Effect.orElseSucceed(() => undefined)
  )

export const forget = (store: Store, token: string): Effect.Effect<void> =>
  unlinked(store, [pathsOf(store, token).away])
