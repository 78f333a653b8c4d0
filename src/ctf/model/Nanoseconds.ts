/** Cycles of a clock as nanoseconds from its origin, to put packets of several streams in order. Pure. */
import type { ClockClass } from "./TraceClass.ts"

/** The properties of a clock that the conversion needs. */
export type Scale = Pick<ClockClass, "frequency" | "offsetSeconds" | "offsetCycles">

const nanosPerSecond = 1_000_000_000n

/** Nanoseconds from the clock's origin; the cycles themselves if no clock is known. */
export const fromCycles = (clock: Scale | undefined, cycles: bigint): bigint => {
  if (clock === undefined) return cycles
  const { frequency, offsetCycles, offsetSeconds } = clock
  const scaled = (count: bigint) => (frequency === nanosPerSecond ? count : (count * nanosPerSecond) / frequency)
  return offsetSeconds * nanosPerSecond + scaled(offsetCycles) + scaled(cycles)
}
