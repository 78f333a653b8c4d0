/** Waits for conditions on plain state: whoever changes the state says so with `changed`. */
import { Effect } from "effect"

export interface Waits {
  readonly changed: () => void
  readonly when: (ready: () => boolean) => Effect.Effect<void>
  /** The same for a plain call: with the first change that finds it ready. Answers how to forget it. */
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
