/** Points in time in the local time zone, and the reference's spellings of them (storage.md §2, §4.1). */
import * as Zone from "./Zone.ts"

const two = (n: number) => String(n).padStart(2, "0")

/** Beyond this a `Date` does not exist; such times are clamped. */
const secondsMax = 8_640_000_000_000

interface Local {
  /** Its UTC members are local ones. */
  readonly shifted: Date
  readonly offsetMinutes: number
}

/** The zone is where the runtime, too, has it from; only `TZ` in POSIX's own notation is not known to it. */
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

/** `%Y%m%d-%H%M%S`: session directories. */
export const sessionTime = (seconds: bigint): string => {
  const { shifted } = local(Number(seconds))
  return `${date(shifted)}-${time(shifted)}`
}

/** `%Y%m%dT%H%M%S%z`: trace chunk names. */
export const chunkTime = (seconds: bigint): string => {
  const { offsetMinutes, shifted } = local(Number(seconds))
  const absolute = Math.abs(offsetMinutes)
  const zone = `${offsetMinutes < 0 ? "-" : "+"}${two(Math.floor(absolute / 60))}${two(absolute % 60)}`
  return `${date(shifted)}T${time(shifted)}${zone}`
}
