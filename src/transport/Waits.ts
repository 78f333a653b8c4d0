/** Waits for conditions on plain state: whoever changes the state says so with `changed`. */
import { Effect } from "effect"

export interface Waits {
  readonly changed: () => void
  readonly when: (ready: () => boolean) => Effect.Effect<void>
}

export const make = (): Waits => {
  const watchers = new Set<() => void>()
  return {
    changed: () => {
      for (const watcher of [...watchers]) watcher()
    },
    when: (ready) =>
      Effect.callback<void>((resume) => {
        if (ready()) return resume(Effect.void)
        const watcher = () => {
          if (!ready()) return
          watchers.delete(watcher)
          resume(Effect.void)
        }
        watchers.add(watcher)
        return Effect.sync(() => watchers.delete(watcher))
      })
  }
}
