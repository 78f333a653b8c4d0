/** Waits for conditions on plain state: whoever changes the state calls `changed`. */
import { Effect } from "effect"

export interface Waits {
  readonly changed: () => void
  readonly when: (ready: () => boolean) => Effect.Effect<void>
  /** Calls `then` at the first `changed` that finds the condition true. Answers how to cancel that. */
  readonly once: (ready: () => boolean, then: () => void) => () => void
}

export const make = (): Waits => {
  const watchers = new Set<() => void>()
  const once: Waits["once"] = (ready, then) => {
    const watcher = () => {
      if (!ready()) return
      watchers.delete(watcher)
      then()
    }
    watchers.add(watcher)
    return () => watchers.delete(watcher)
  }
  return {
    once,
    changed: () => {
      for (const watcher of [...watchers]) watcher()
    },
    when: (ready) =>
      Effect.callback<void>((resume) => {
        if (ready()) return resume(Effect.void)
        const forget = once(ready, () => resume(Effect.void))
        return Effect.sync(forget)
      })
  }
}
