/** Waiting inside one process, or one simulated world: for a condition, and for the event loop. */
import { Effect } from "effect"
import * as Machine from "../../src/Machine.ts"
import { TimedOut } from "../../src/testing/Waiting.ts"

const pause = Effect.callback<void>((resume) => {
  const timer = Machine.setTimeout(() => resume(Effect.void), 1)
  return Effect.sync(() => Machine.clearTimeout(timer))
})

/** Of a pause that took longer, nothing more counts: the process was stopped, or another was on its processor. */
const pauseMillisMax = 50

/** Waits for a condition that is bound to come. */
export const comes = (waitingFor: string, condition: Effect.Effect<boolean>, seconds = 20): Effect.Effect<void> =>
  Effect.gen(function* () {
    let waitedMillis = 0
    while (!(yield* condition)) {
      if (waitedMillis > seconds * 1000) return yield* Effect.die(new TimedOut({ waitingFor }))
      const from = Machine.clockMillis()
      yield* pause
      waitedMillis += Math.min(pauseMillisMax, Machine.clockMillis() - from)
    }
  })

export const until = (waitingFor: string, holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (holds() ? Effect.void : comes(waitingFor, Effect.sync(holds))))

/** So many turns of the event loop. */
export const turns = (count: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let turn = 0; turn < count; turn++) {
      yield* Effect.callback<void>((resume) => void Machine.setImmediate(() => resume(Effect.void)))
    }
  })
