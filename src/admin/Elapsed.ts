/** The time between two answers of one relay, for rates. Pure. */
import type { Overview } from "./AdminApi.ts"

type Times = Pick<Overview, "atMillis" | "upMillis">

/** True: one answer, given twice, as it is to those who ask often. */
export const isSame = (a: Times, b: Times): boolean => a.atMillis === b.atMillis && a.upMillis === b.upMillis

/** Seconds; by the clock on the wall if an earlier version tells no other. Negative: it was set back, or began anew. */
export const secondsBetween = (before: Times, after: Times): number =>
  (before.upMillis === undefined || after.upMillis === undefined
    ? after.atMillis - before.atMillis
    : after.upMillis - before.upMillis) / 1000
