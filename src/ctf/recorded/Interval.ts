/** Spans of time: what is asked for, or what a stream was active in. */
import { compare, type Time, timeOf } from "../decode/Clock.ts"

/** Both ends are part of it; undefined: it has no such end. */
export interface Interval {
  readonly begin: Time | undefined
  readonly end: Time | undefined
}

const momentOf = (nanos: bigint | undefined): Time | undefined => (nanos === undefined ? undefined : timeOf(nanos))

/** Nanoseconds from the clocks' origin, both included; undefined: no such end. */
export const between = (begin: bigint | undefined, end: bigint | undefined): Interval => ({
  begin: momentOf(begin),
  end: momentOf(end)
})

/** All times. */
export const always: Interval = { begin: undefined, end: undefined }

/** Whether an interval has no ends. */
export const isAlways = ({ begin, end }: Interval): boolean => begin === undefined && end === undefined

/** Whether an interval contains nothing: its end is before its begin. */
export const isEmpty = ({ begin, end }: Interval): boolean =>
  begin !== undefined && end !== undefined && compare(begin, end) > 0

/** Whether a time is in an interval. */
export const contains = ({ begin, end }: Interval, time: Time): boolean =>
  (begin === undefined || compare(time, begin) >= 0) && (end === undefined || compare(time, end) <= 0)

const chosen = (a: Time | undefined, b: Time | undefined, sign: 1 | -1): Time | undefined =>
  a === undefined || (b !== undefined && sign * compare(b, a) > 0) ? b : a

/** The times that are in both. */
export const intersection = (a: Interval, b: Interval): Interval => ({
  begin: chosen(a.begin, b.begin, 1),
  end: chosen(a.end, b.end, -1)
})
