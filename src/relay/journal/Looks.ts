/**
 * Looks at all files of journals, one after the other: edges of which many are lost together may have a great many. One
 * that takes long is at a disk that hangs: the next one begins all the same.
 */
import { Deferred, Effect, Exit, Semaphore } from "effect"

const patience = "10 seconds"

export class Looks {
  readonly #turn = Semaphore.makeUnsafe(1)

  /** Has `background` run `look` when its turn has come; done when it is over, or has been given up. */
  inTurn(background: (work: Effect.Effect<void>) => void, look: Effect.Effect<void>): Effect.Effect<void> {
    const begun = Effect.suspend(() => {
      const over = Deferred.makeUnsafe<void>()
      const ended = Effect.sync(() => Deferred.doneUnsafe(over, Exit.void))
      background(Effect.ensuring(look, ended))
      return Effect.asVoid(Effect.timeoutOption(Deferred.await(over), patience))
    })
    return this.#turn.withPermits(1)(begun)
  }
}
