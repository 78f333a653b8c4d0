/**
 * Taking a relay out of service without loss: from now on it makes no sessions, those it has go on to their end, or to
 * a deadline. The caller watches how many are left; nothing else changes, and it can be taken back.
 *
 * Nobody waits for sessions that come by edges: they outlive the relay. New ones wait at their edge.
 */
import { Effect, FiberHandle, type Scope } from "effect"
import { clockMillis, wallMillisOf } from "../Machine.ts"
import type { Service as Registry } from "./Registry.ts"
import type * as Status from "./Status.ts"

/** Making no sessions any more, until those that are left have ended. */
export interface Drain {
  readonly status: Effect.Effect<Status.Drain>
  /** Sessions left after `deadlineMillis` are ended; undefined: they are waited for. The newest call counts. */
  readonly begin: (deadlineMillis?: number) => Effect.Effect<void>
  /** Sessions are made again, and the deadline is forgotten. */
  readonly takeBack: Effect.Effect<void>
}

interface Begun {
  /** ms of the relay's clock. */
  readonly since: number
  readonly deadline: number | undefined
  readonly admitAgain: () => void
}

export const make = (registry: Registry): Effect.Effect<Drain, never, Scope.Scope> =>
  Effect.gen(function* () {
    const deadline = yield* FiberHandle.make<void, never>()
    // Runs with the relay's clock and log, whoever begins the drain.
    const run = yield* FiberHandle.runtime(deadline)<never>()
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
      status: Effect.sync(() => {
        const sessionCount = left().length
        return {
          isDraining: begun !== undefined,
          ...(begun !== undefined && { sinceMillis: wallMillisOf(begun.since) }),
          ...(begun?.deadline !== undefined && { deadlineMillis: wallMillisOf(begun.deadline) }),
          sessionCount,
          edgeSessionCount: registry.sessions.size - sessionCount
        }
      }),
      begin: (afterMillis) =>
        Effect.gen(function* () {
          const now = clockMillis()
          registry.journals.admits.closeUnsafe()
          begun = {
            since: begun?.since ?? now,
            deadline: afterMillis === undefined ? undefined : now + afterMillis,
            admitAgain: begun?.admitAgain ?? refuse()
          }
          if (afterMillis === undefined) yield* FiberHandle.clear(deadline)
          else run(Effect.andThen(Effect.sleep(afterMillis), endAll))
        }),
      takeBack: Effect.suspend(() => {
        begun?.admitAgain()
        begun = undefined
        registry.journals.admits.openUnsafe()
        return FiberHandle.clear(deadline)
      })
    }
  })
