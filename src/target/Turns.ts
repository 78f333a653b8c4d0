/**
 * Turns that ask the relay something, and so may take as long as it does. Once begun, one goes on to its end, which
 * whoever asked for it may cease to wait for: an interruption neither divides it nor waits for the relay.
 */
import { Effect, Fiber, Semaphore } from "effect"

/**
 * Takes `locks` one after the other, waits for `before`, then begins `turn`, which has the locks until it ends. Before
 * that an interruption leaves everything as it was. The turn is no child of anybody: it ends by the connection's end.
 */
export const begun = <A, E, E2 = never>(
  locks: ReadonlyArray<Semaphore.Semaphore>,
  turn: Effect.Effect<A, E>,
  before: Effect.Effect<void, E2> = Effect.void
): Effect.Effect<A, E | E2> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const taken: Array<Semaphore.Semaphore> = []
      const giveBack = Effect.suspend(() => Effect.forEach(taken, (lock) => Semaphore.release(lock, 1)))
      for (const lock of locks) {
        yield* Effect.onError(restore(Semaphore.take(lock, 1)), () => giveBack)
        taken.push(lock)
      }
      yield* Effect.onError(restore(before), () => giveBack)
      const whole = Effect.ensuring(turn, giveBack)
      return yield* restore(Fiber.join(yield* Effect.forkDetach(whole, { startImmediately: true })))
    })
  )
