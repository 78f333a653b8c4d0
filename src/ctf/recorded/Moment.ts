/** Times as people write them: seconds from the epoch, times of day, dates with times. */
import { local } from "../../model/Time.ts"
import { type Time, timeOf } from "../decode/Clock.ts"

const pattern = /^(?:(\d{4})-(\d\d)-(\d\d)[T ])?(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/
const datePattern = /^\d{4}-\d\d-\d\d$/
const secondsPattern = /^(-?)(\d+)(?:\.(\d{1,9}))?$/

/** A leap second counts as the first of the next minute. (The end of a day may be `24:00:00`, as in ISO 8601.) */
const leapSecond = 60

const billion = 1_000_000_000n

/** The time; beyond 64 bits the one that babeltrace2 takes instead. */
const wrapped = (nanos: bigint): Time => timeOf(BigInt.asIntN(64, nanos))

const fraction = (digits: string | undefined): bigint => BigInt((digits ?? "").padEnd(9, "0"))

/**
 * Reads `SECONDS[.N]`, `HH:MM[:SS[.N]]` or `YYYY-MM-DD[ HH:MM[:SS[.N]]]`; undefined if it is none of these. `first`, in
 * ns from the epoch, is only called for a time without a date, which is of the same day.
 */
export const parse = (text: string, isGmt: boolean, first?: () => bigint | undefined): Time | undefined => {
  const [, sign, seconds, decimals] = secondsPattern.exec(text) ?? []
  if (seconds !== undefined) {
    const nanos = BigInt(seconds) * billion + fraction(decimals)
    return wrapped(sign === "-" ? -nanos : nanos)
  }
  const [matched, year, month, day, hour, minute, second, parts] =
    pattern.exec(datePattern.test(text) ? `${text} 00:00` : text) ?? []
  if (matched === undefined) return undefined
  const date =
    year === undefined ? dayOf(first?.() ?? 0n, isGmt) : ([Number(year), Number(month) - 1, Number(day)] as const)
  const time = [Number(hour), Number(minute), Number(second ?? 0)] as const
  const isOver = time[0] === 24 && time[1] === 0 && time[2] === 0 && fraction(parts) === 0n
  if ((time[0] > 23 && !isOver) || time[1] > 59 || time[2] > leapSecond) return undefined
  if (Number(month ?? 1) < 1 || Number(month ?? 1) > 12 || Number(day ?? 1) < 1 || Number(day ?? 1) > 31)
    return undefined
  const millis = isGmt ? Date.UTC(...date, ...time) : localMillis(date, time)
  return wrapped(BigInt(millis) * 1_000_000n + fraction(parts))
}

/** After so many guesses the time is in an hour that does not exist. */
const guessMax = 4

/**
 * ms since the epoch of a local time. In an hour that exists twice, the one that the C library, and so babeltrace2,
 * chooses: it takes the time for UTC first, and corrects that. An hour that does not exist counts as before the change.
 */
const localMillis = (date: readonly [number, number, number], time: readonly [number, number, number]): number => {
  const wanted = Date.UTC(...date, ...time)
  let [guess, before] = [wanted, wanted]
  for (let count = 0; count < guessMax; count++) {
    const shown = local(guess / 1000).shifted.getTime()
    if (shown === wanted) return guess
    before = guess
    guess += wanted - shown
  }
  return Math.max(before, guess)
}

const dayOf = (nanos: bigint, isGmt: boolean): readonly [number, number, number] => {
  const millis = Number(nanos / 1_000_000n)
  const date = isGmt ? new Date(millis) : local(millis / 1000).shifted
  return [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
}
