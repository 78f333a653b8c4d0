/**
 * Fibers yield to the event loop now and then, wherever they are. Here they do after every few operations, and
 * something else happens in between: whoever looks at a state and then waits for it to change must not miss that.
 */
import { Effect, Scheduler } from "effect"

/** Below 5 operations a fiber would do nothing but yield. */
export const operationCounts: ReadonlyArray<number> = Array.from({ length: 40 }, (_, index) => 5 + index)

const schedulerOf = (between: () => void): Scheduler.Scheduler => {
  const usual = new Scheduler.MixedScheduler()
  return {
    executionMode: "async",
    shouldYield: (fiber) => usual.shouldYield(fiber),
    makeDispatcher: () => {
      const dispatcher = usual.makeDispatcher()
      return {
        flush: () => dispatcher.flush(),
        scheduleTask: (task, priority) => {
          between()
          dispatcher.scheduleTask(task, priority)
        }
      }
    }
  }
}

/** Runs `effect` so that it yields after each `operationCount` operations; `between` is called whenever it does. */
export const yielding = <A, E>(effect: Effect.Effect<A, E>, operationCount: number, between: () => void) =>
  effect.pipe(
    Effect.provideService(Scheduler.Scheduler, schedulerOf(between)),
    Effect.provideService(Scheduler.MaxOpsBeforeYield, operationCount)
  )

/**
 * Runs `effect`, which yields before an operation whenever `isDue` says so, asked before each; `act` is called before
 * it goes on, in a turn of its own.
 */
export const halting = <A, E, R>(effect: Effect.Effect<A, E, R>, isDue: () => boolean, act: () => void) => {
  const usual = new Scheduler.MixedScheduler()
  let isHalting = false
  const scheduler: Scheduler.Scheduler = {
    executionMode: "async",
    shouldYield: (fiber) => {
      isHalting ||= isDue()
      return isHalting || usual.shouldYield(fiber)
    },
    makeDispatcher: () => {
      const dispatcher = usual.makeDispatcher()
      return {
        flush: () => dispatcher.flush(),
        scheduleTask: (task, priority) => {
          const acts = isHalting
          isHalting = false
          const step = () => {
            act()
            task()
          }
          dispatcher.scheduleTask(acts ? step : task, priority)
        }
      }
    }
  }
  return Effect.provideService(effect, Scheduler.Scheduler, scheduler)
}
