/**
 * Asks the relay for its protocol version before a tracer comes, so that the edge promises nothing the relay cannot do.
 */
import { Deferred, Effect, Result, type Scope } from "effect"
import type * as Dial from "../../transport/Dial.ts"
import { greet } from "./Greeting.ts"
import type { LinkState } from "./LinkState.ts"
import type { Route } from "./Route.ts"

/** Between attempts: twice as long each time. */
const waitMillisMin = 500
const waitMillisMax = 60_000

/** Another relay may be there by then. */
const againMillis = 300_000
/** What an edge says of those behind it is asked for by those before this one. */
const edgesAgainMillis = 5000

/** Tracers are not kept waiting for it for longer. */
const patience = "500 millis"

/** Answers when the relay was heard, or will not be at once; goes on with the scope. */
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
      const isElsewhere = yield* Effect.raceFirst(waited, Effect.as(route.moved, true))
      if (isElsewhere) link.relay = undefined
    }
  })
