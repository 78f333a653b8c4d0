/**
 * Asks the relay for its protocol version before a tracer comes, so that the edge promises nothing the relay cannot do.
 */
import { Deferred, Effect, Result, type Scope } from "effect"
import type * as Dial from "../../transport/Dial.ts"
import { greet } from "./Greeting.ts"
import type { LinkState } from "./LinkState.ts"
import type { Route } from "./Route.ts"

/** Pause between attempts, twice as long each time. */
const waitMillisMin = 500
const waitMillisMax = 60_000

/** It is asked again after this time: another relay may be there by then. */
const againMillis = 300_000
/** If the relay is an edge itself, it is asked more often for the edges behind it, as the edges before this one ask. */
const edgesAgainMillis = 5000

/** Tracers are kept waiting for it no longer than this. */
const patience = "500 millis"

/** Done once the relay has answered, or has not in time; goes on asking until the scope closes. */
export const acquaint = (
  route: Route,
  link: LinkState,
  dial: typeof Dial.dial
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const tried = yield* Deferred.make<void>()
    yield* Effect.forkScoped(acquaintance(route, link, dial, tried))
    yield* Effect.timeoutOption(Deferred.await(tried), patience)
  })

const acquaintance = (
  route: Route,
  link: LinkState,
  dial: typeof Dial.dial,
  tried: Deferred.Deferred<void>
): Effect.Effect<never> =>
  Effect.gen(function* () {
    let waitMillis = waitMillisMin
    while (true) {
      const { to } = route
      const greeted = yield* Effect.result(Effect.scoped(Effect.flatMap(dial(to.control, "control"), greet)))
      const isHeard = Result.isSuccess(greeted)
      if (isHeard && route.to === to) link.relay = greeted.success
      yield* Deferred.succeed(tried, undefined)
      waitMillis = isHeard ? waitMillisMin : Math.min(waitMillisMax, 2 * waitMillis)
      const laterMillis = (link.relay?.edges.length ?? 0) > 0 ? edgesAgainMillis : againMillis
      const waited = Effect.as(Effect.sleep(isHeard ? laterMillis : waitMillis), false)
      const isElsewhere = yield* Effect.raceFirst(waited, Effect.as(route.movedFrom(to), true))
      if (isElsewhere) link.relay = undefined
    }
  })
