/** Waiting inside one process: for a condition, and for the event loop. */
import { Effect } from "effect"
import * as Process from "./process.ts"

/** Waits for a condition that is bound to come. */
export const until = (what: string, holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() =>
    holds() ? Effect.void : Effect.orDie(Process.until(what, Effect.sync(holds), { everyMillis: 1, seconds: 20 }))
  )

/** So many turns of the event loop. */
export const turns = (count: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let turn = 0; turn < count; turn++) {
      yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
    }
  })
