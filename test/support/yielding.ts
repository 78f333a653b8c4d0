/**
 * Fibers yield to the event loop now and then, wherever they are. Here they do after every few operations, and something
 * else happens in between: whoever looks at a state and then waits for it to change must not miss that.
 */
import { Effect, Scheduler } from "effect"

/** Below 5 operations a fiber would do nothing but yield. */
export const operationCounts: ReadonlyArray<number> = Array.from({ length: 40 }, (_, index) => 5 + index)

class Yielding extends Scheduler.MixedScheduler {
  readonly #between: () => void

  constructor(between: () => void) {
    super()
    this.#between = between
  }

  override makeDispatcher(): Scheduler.SchedulerDispatcher {
    const dispatcher = super.makeDispatcher()
    return {
      flush: () => dispatcher.flush(),
      scheduleTask: (task, priority) => {
        this.#between()
        dispatcher.scheduleTask(task, priority)
      }
    }
  }
}

/** Runs `effect` so that it yields after each `operationCount` operations; `between` is called whenever it does. */
export const yielding = <A, E>(effect: Effect.Effect<A, E>, operationCount: number, between: () => void) =>
  effect.pipe(
    Effect.provideService(Scheduler.Scheduler, new Yielding(between)),
    Effect.provideService(Scheduler.MaxOpsBeforeYield, operationCount)
  )
