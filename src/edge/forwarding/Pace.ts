/** Bytes a second towards the relay, over all journals: a number, or one for each part of the week. */
import { Clock, Effect } from "effect"
import { TokenBucket } from "../../model/TokenBucket.ts"
import { rateAt, type Schedule } from "./Schedule.ts"

export interface Pace {
  /** No part of the week has a limit. */
  readonly isUnlimited: boolean
  /** Waits until so many bytes may be sent. */
  readonly admit: (byteCount: number) => Effect.Effect<void>
  /** At most so many bytes at once, so that the rate holds within each second, too. */
  readonly pieceBytes: Effect.Effect<number>
  /** There is a limit now. */
  readonly isLimited: Effect.Effect<boolean>
}

export const unlimited: Pace = {
  isUnlimited: true,
  admit: () => Effect.void,
  pieceBytes: Effect.succeed(Number.POSITIVE_INFINITY),
  isLimited: Effect.succeed(false)
}

/** How often those who wait look whether another part of the week has begun. */
const lookMillis = 15_000

const pieceBytesMin = 4096

export const scheduled = (schedule: Schedule): Pace => {
  let bucket: TokenBucket | undefined
  /** The rate that held until now. */
  let before = 0
  const rate = Effect.map(Clock.currentTimeMillis, (now) => rateAt(schedule, now))
  const owed = (byteCount: number) =>
    Effect.map(Effect.all([rate, Clock.monotonicTimeNanos]), ([bytesPerSecond, nanos]) => {
      // By the monotonic clock: if the time of day were set back, one would wait for as long.
      const now = Number(nanos) / 1e6
      bucket ??= new TokenBucket(now)
      if (before < Number.POSITIVE_INFINITY) bucket.take(0, before, now)
      before = bytesPerSecond
      // After a time without a limit nothing is owed.
      if (bytesPerSecond === Number.POSITIVE_INFINITY) bucket = undefined
      return bucket === undefined ? 0 : bucket.take(byteCount, bytesPerSecond, now)
    })
  return {
    isUnlimited: false,
    admit: (byteCount) =>
      Effect.gen(function* () {
        for (let wait = yield* owed(byteCount); wait > 0; wait = yield* owed(0)) {
          yield* Effect.sleep(Math.ceil(Math.min(wait, lookMillis)))
        }
      }),
    pieceBytes: Effect.map(rate, (bytesPerSecond) => Math.max(pieceBytesMin, Math.floor(bytesPerSecond / 10))),
    isLimited: Effect.map(rate, (bytesPerSecond) => bytesPerSecond < Number.POSITIVE_INFINITY)
  }
}
