/** The reference's spellings of a point in time, in the relay's local time zone (storage.md §2, §4.1). */

const two = (n: number) => String(n).padStart(2, "0")
const date = (at: Date) => `${String(at.getFullYear()).padStart(4, "0")}${two(at.getMonth() + 1)}${two(at.getDate())}`
const time = (at: Date) => `${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`

/** Beyond this a `Date` does not exist; such times are clamped. */
const secondsMax = 8_640_000_000_000n

const dateOf = (seconds: bigint) => new Date(Number(seconds > secondsMax ? secondsMax : seconds) * 1000)

/** `%Y%m%d-%H%M%S`: session directories. */
export const sessionTime = (seconds: bigint): string => {
  const at = dateOf(seconds)
  return `${date(at)}-${time(at)}`
}

/** `%Y%m%dT%H%M%S%z`: trace chunk names. */
export const chunkTime = (seconds: bigint): string => {
  const at = dateOf(seconds)
  const offsetMinutes = -at.getTimezoneOffset()
  const absolute = Math.abs(offsetMinutes)
  const zone = `${offsetMinutes < 0 ? "-" : "+"}${two(Math.floor(absolute / 60))}${two(absolute % 60)}`
  return `${date(at)}T${time(at)}${zone}`
}
