/**
 * Cycles → nanoseconds from the clock's origin, as babeltrace2 computes them (§7.3): offset and value are converted
 * separately, in doubles unless a cycle is a nanosecond. The sum is exact, in two halves.
 */
import type { ClockClass } from "../model/TraceClass.ts"
import { highOf, type Int, lowOf } from "./Cursor.ts"
import { Fault } from "./Fault.ts"

/** Nanoseconds from the clock's origin: a signed 64-bit number in two halves, of which `low` is unsigned. */
export interface Time {
  high: number
  low: number
}

const two31 = 0x8000_0000
const two32 = 0x1_0000_0000
const nanosPerSecond = 1_000_000_000
/** Bounds of a clock's offset in seconds: babeltrace2 leaves a second for the cycles. */
const secondsMin = -9_223_372_036n
const secondsMax = 9_223_372_034n

/** A time as one number of nanoseconds, and back. */
export const nanos = ({ high, low }: Time): bigint => (BigInt(high) << 32n) | BigInt(low)

export const timeOf = (nanos: bigint): Time => ({ high: Number(nanos >> 32n), low: Number(nanos & 0xffff_ffffn) })

/** Nanoseconds from one time to another, exact up to 2⁵³. */
export const difference = (from: Time, to: Time): number => (to.high - from.high) * two32 + (to.low - from.low)

/** Below 0 if `a` is earlier. */
export const compare = (a: Time, b: Time): number => a.high - b.high || a.low - b.low

/** Converts values of a clock, in cycles, to times. */
export class Clock {
  readonly clockClass: ClockClass
  readonly #frequency: number
  readonly #isNanos: boolean
  /** Its offset is too large: no time can be represented. */
  readonly #isBeyond: boolean
  readonly #baseHigh: number
  readonly #baseLow: number

  /** `shift`: ns that are added to all times, rounded down to whole cycles. */
  constructor(clockClass: ClockClass, shift = 0n) {
    const { frequency, offsetCycles, offsetSeconds } = clockClass
    this.clockClass = clockClass
    this.#frequency = Number(frequency)
    this.#isNanos = frequency === 1_000_000_000n
    const rest = ((shift % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
    const cycles = offsetCycles + (rest * frequency) / 1_000_000_000n
    const seconds = offsetSeconds + (shift - rest) / 1_000_000_000n + cycles / frequency
    this.#isBeyond = seconds < secondsMin || seconds > secondsMax
    const base = seconds * 1_000_000_000n + this.#inNanos(cycles % frequency)
    this.#baseHigh = Number(base >> 32n)
    this.#baseLow = Number(base & 0xffff_ffffn)
  }

  #inNanos(cycles: bigint): bigint {
    return this.#isNanos ? cycles : BigInt(Math.trunc((nanosPerSecond * Number(cycles)) / this.#frequency))
  }

  /** Converts a value in cycles, given in halves. Throws a fault if the time does not fit. */
  convert(high: number, low: number, into: Time): void {
    let nanosHigh = high
    let nanosLow = low
    if (!this.#isNanos) {
      const count = Math.trunc((nanosPerSecond * (high * two32 + low)) / this.#frequency)
      nanosHigh = Math.floor(count / two32)
      nanosLow = count - nanosHigh * two32
    }
    // The value alone must fit, even if a negative offset would make up for it.
    const isHuge = nanosHigh >= two31 - 1 && (nanosHigh >= two31 || nanosLow === two32 - 1)
    nanosHigh += this.#baseHigh
    nanosLow += this.#baseLow
    if (nanosLow >= two32) {
      nanosLow -= two32
      nanosHigh += 1
    }
    if (isHuge || this.#isBeyond || nanosHigh >= two31) {
      throw new Fault(
        "clock-overflow",
        `${(BigInt(high) << 32n) + BigInt(low)} cycles are no signed 64-bit number of nanoseconds`
      )
    }
    into.high = nanosHigh
    into.low = nanosLow
  }

  /** Time of the last tick at or before a moment, both in ns from the origin; before cycle 0 the moment itself. */
  tick(moment: bigint): bigint {
    const value = moment - nanos({ high: this.#baseHigh, low: this.#baseLow })
    if (this.#isNanos || value < 0n) return moment
    const cycles = (value * this.clockClass.frequency) / 1_000_000_000n
    const time = { high: 0, low: 0 }
    this.convert(Number(cycles >> 32n), Number(cycles & 0xffff_ffffn), time)
    return nanos(time)
  }

  /** Converts a value in cycles. Throws a fault if the time does not fit. */
  convertInt(value: Int, into: Time): void {
    this.convert(highOf(value), lowOf(value), into)
  }
}
