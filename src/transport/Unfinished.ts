/** What a scoped effect has opened by the time it fails. */
import { Effect, Exit, Scope } from "effect"

/** As `effect`, but if it fails what it has opened is closed at once: the caller's scope may stay open for long. */
export const closed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Scope.Scope> =>
  Effect.flatMap(Scope.Scope, (parent) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Scope.fork(parent), (own) =>
        Effect.onExit(restore(Scope.provide(effect, own)), (exit) =>
          Exit.isFailure(exit) ? Scope.close(own, exit) : Effect.void
        )
      )
    )
  ) as Effect.Effect<A, E, R | Scope.Scope>
