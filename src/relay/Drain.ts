/**
 * Taking a relay out of service without loss: from now on it makes no sessions, those it has go on to their end, or to
 * a deadline. The caller watches how many are left; nothing else changes, and it can be taken back.
 *
 * Nobody waits for sessions that come by edges: they outlive the relay. Those that an edge has begun since wait there.
 */
import { Effect, FiberHandle, type Scope } from "effect"
import { ConfigInvalid } from "../config/RelayConfig.ts"
import { timerMillisMax } from "../config/Value.ts"
import { wallMillis } from "../Machine.ts"
import type { Service as Registry } from "./Registry.ts"
import type * as Status from "./Status.ts"

/** Making no sessions any more, until those that are left have ended. */
export interface Drain {
  readonly status: Effect.Effect<Status.Drain>
  /**
   * Sessions left after `deadlineMillis` are ended; undefined waits for them. Asked again, the newer holds. What is no
   * time is refused, and nothing changes.
   */
  readonly begin: (deadlineMillis?: number) => Effect.Effect<void, ConfigInvalid>
  /** Sessions are made again. */
  readonly takeBack: Effect.Effect<void>
}

interface Begun {
  readonly sinceMillis: number
  readonly deadlineMillis: number | undefined
  readonly admitAgain: () => void
}

/** Not a number, or negative, it would be over at once, and all sessions with it. */
const isTime = (millis: number | undefined): boolean =>
  millis === undefined || (millis >= 0 && millis <= timerMillisMax)

export const make = (registry: Registry): Effect.Effect<Drain, never, Scope.Scope> =>
  Effect.gen(function* () {
    const deadline = yield* FiberHandle.make<void, never>()
    let begun: Begun | undefined

    const left = () => [...registry.sessions.keys()].filter((id) => registry.journals.ofSession(id) === undefined)
    const endAll = Effect.suspend(() =>
      Effect.forEach(left(), (id) => registry.end(id, "ended by program"), {
        concurrency: "unbounded",
        discard: true
      })
    )
    const refuse = () =>
      registry.admission.add(({ hostname, isCarried, sessionName }) =>
        isCarried ? undefined : { code: "SESSION_DRAINING", detail: JSON.stringify({ sessionName, hostname }) }
      )

    return {
      status: Effect.sync(() => ({
        isDraining: begun !== undefined,
        ...(begun !== undefined && { sinceMillis: begun.sinceMillis }),
        ...(begun?.deadlineMillis !== undefined && { deadlineMillis: begun.deadlineMillis }),
        sessionCount: left().length
      })),
      begin: (afterMillis) =>
        Effect.gen(function* () {
          if (!isTime(afterMillis)) {
            const expected = `a number from 0 to ${timerMillisMax}`
            return yield* new ConfigInvalid({ reason: `deadlineMillis: ${afterMillis} is not ${expected}` })
          }
          const nowMillis = wallMillis()
          registry.journals.admits.closeUnsafe()
          begun = {
            sinceMillis: begun?.sinceMillis ?? nowMillis,
            deadlineMillis: afterMillis === undefined ? undefined : nowMillis + afterMillis,
            admitAgain: begun?.admitAgain ?? refuse()
          }
          if (afterMillis === undefined) yield* FiberHandle.clear(deadline)
          else yield* FiberHandle.run(deadline, Effect.andThen(Effect.sleep(afterMillis), endAll))
        }),
      takeBack: Effect.suspend(() => {
        begun?.admitAgain()
        begun = undefined
        registry.journals.admits.openUnsafe()
        return FiberHandle.clear(deadline)
      })
    }
  })
