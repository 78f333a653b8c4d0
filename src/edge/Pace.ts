/** Bytes a second towards the relay, over all journals. */
import { Clock, Effect } from "effect"

export interface Pace {
  /** Waits until so many bytes may be sent. */
  readonly admit: (byteCount: number) => Effect.Effect<void>
}

export const unlimited: Pace = { admit: () => Effect.void }

/** What was not sent in time is not made up for: a moment's silence earns no burst of more than a second. */
export const limited = (bytesPerSecond: number): Pace => {
  let freeAt = 0
  return {
    admit: (byteCount) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const start = Math.max(freeAt, now - 1000)
        freeAt = start + (byteCount / bytesPerSecond) * 1000
        return start <= now ? Effect.void : Effect.sleep(start - now)
      })
  }
}
