/** A clock of fibers whose wall time the test sets, while its monotonic time and its sleep are the machine's. */
import { Clock, Effect } from "effect"

export const make = Effect.map(Clock.Clock, (real) => {
  let aheadMillis = 0
  const millis = () => real.currentTimeMillisUnsafe() + aheadMillis
  const nanos = () => real.currentTimeNanosUnsafe() + BigInt(aheadMillis) * 1_000_000n
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: real.monotonicTimeNanos,
    sleep: (duration) => real.sleep(duration)
  }
  const set = (byMillis: number) => {
    aheadMillis += byMillis
  }
  return { clock, set }
})
