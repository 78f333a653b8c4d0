/** Points in time in the local time zone, and the reference's spellings of them (storage.md §2, §4.1). */
import * as Zone from "./Zone.ts"

const two = (n: number) => String(n).padStart(2, "0")

/** The latest time of a `Date`, and the first of year 1, in seconds; what is beyond is clamped. */
const secondsMax = 8_640_000_000_000
const secondsMin = -62_135_596_800

/** Seconds since 1970 from the wire. They are signed there too: all ones is the second before 1970. */
const signed = (seconds: bigint): number => Math.max(Number(BigInt.asIntN(64, seconds)), secondsMin)

interface Local {
  /** A date whose UTC members are those of local time. */
  readonly shifted: Date
  readonly offsetMinutes: number
}

/** Local time in the runtime's time zone, or that of `TZ` in POSIX's own notation, which the runtime does not know. */
export const local = (seconds: number): Local => {
  const at = Math.min(seconds, secondsMax)
  const zone = Zone.parse(process.env.TZ ?? "")
  const offsetSeconds = zone === undefined ? new Date(at * 1000).getTimezoneOffset() * -60 : Zone.offsetAt(zone, at)
  const shifted = new Date(Math.min(at + offsetSeconds, secondsMax) * 1000)
  return { shifted, offsetMinutes: Math.trunc(offsetSeconds / 60) }
}

const date = (at: Date) =>
  `${String(at.getUTCFullYear()).padStart(4, "0")}${two(at.getUTCMonth() + 1)}${two(at.getUTCDate())}`
const time = (at: Date) => `${two(at.getUTCHours())}${two(at.getUTCMinutes())}${two(at.getUTCSeconds())}`

/** Local time as `%Y%m%d-%H%M%S`, for session directories. */
export const sessionTime = (seconds: bigint): string => {
  const { shifted } = local(signed(seconds))
  return `${date(shifted)}-${time(shifted)}`
}

/** Local time as `%Y%m%dT%H%M%S%z`, for names of trace chunks. */
export const chunkTime = (seconds: bigint): string => {
  const { offsetMinutes, shifted } = local(signed(seconds))
  const absolute = Math.abs(offsetMinutes)
  const zone = `${offsetMinutes < 0 ? "-" : "+"}${two(Math.floor(absolute / 60))}${two(absolute % 60)}`
  return `${date(shifted)}T${time(shifted)}${zone}`
}
