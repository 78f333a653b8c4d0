/**
 * Since when a journal's edge is away, in a file of the journal. Without it each relay would wait for the edge anew,
 * and one that is started again every day would do so for ever.
 */
import { Effect } from "effect"
import { agoOf } from "../../Machine.ts"
import type { FileFailed } from "../../storage/Files.ts"
import { create, pathsOf, type Store, textOf, unlinked } from "./JournalFiles.ts"

export interface Away {
  /** By the wall clock. */
  readonly sinceMillis: number
  /** Number of the last record that the edge had brought: a relay that writes no such notes may go on from there. */
  readonly received: number
}

export const note = (store: Store, token: string, { received, sinceMillis }: Away): Effect.Effect<void, FileFailed> =>
  Effect.flatMap(create(store, pathsOf(store, token).away), (file) =>
    Effect.ensuring(file.write([Buffer.from(`${Math.round(sinceMillis)} ${received}`)], 0), file.close)
  )

/**
 * For how long, as an earlier relay has noted. Undefined: it has not, or the clock was set since, or the edge was there
 * since, as its journal has come to `marked`.
 */
export const noted = (store: Store, token: string, marked: number): Effect.Effect<number | undefined> =>
  textOf(store.retraceable.plain, pathsOf(store, token).away).pipe(
    Effect.map((text) => {
      const [since, received] = text.split(" ").map(Number)
      return received !== undefined && marked <= received ? agoOf(since ?? Number.NaN) : undefined
    }),
    Effect.orElseSucceed(() => undefined)
  )

export const forget = (store: Store, token: string): Effect.Effect<void> =>
  unlinked(store, [pathsOf(store, token).away])
