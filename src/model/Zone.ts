/**
 * Time zones as POSIX writes them in `TZ`: `CET-1CEST,M3.5.0,M10.5.0/3`, `<+0330>-3:30`. The runtime knows zones by
 * name only and takes these for UTC, while the C library, and so every other program on the machine, reads them. Pure.
 */

/** When summer time begins or ends: the day in a year, as days since 1970, and seconds of that day. */
interface Change {
  readonly dayOf: (year: number) => number
  readonly seconds: number
}

/** Offsets are seconds east of UTC. */
export interface Zone {
  readonly standard: number
  /** Summer time, with its beginning (in standard time) and its end (in summer time). */
  readonly summer: { readonly offset: number; readonly begin: Change; readonly end: Change } | undefined
}

const secondsOf = (text: string): number | undefined => {
  const [, sign, hours, minutes = "0", seconds = "0"] = /^([+-]?)(\d{1,3})(?::(\d\d?)(?::(\d\d?))?)?$/.exec(text) ?? []
  if (hours === undefined) return undefined
  const magnitude = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)
  return sign === "-" ? -magnitude : magnitude
}

const dayMillis = 86_400_000
const dayNumber = (year: number, month: number, day: number): number => Date.UTC(year, month - 1, day) / dayMillis
const isLeap = (year: number): boolean => dayNumber(year, 3, 1) - dayNumber(year, 2, 1) === 29

/** `m.w.d`: the w-th weekday d of the month, the 5th being the last. */
const weekdayOf = (month: number, week: number, weekday: number) => (year: number) => {
  const first = dayNumber(year, month, 1)
  // 1970-01-01 was a Thursday, 4.
  const day = first + ((weekday - ((first + 4) % 7) + 14) % 7) + (week - 1) * 7
  return day >= dayNumber(year, month + 1, 1) ? day - 7 : day
}

const changeOf = (text: string): Change | undefined => {
  const [day = "", time = "2"] = text.split("/")
  const seconds = secondsOf(time)
  if (seconds === undefined) return undefined
  const [, month, week, weekday] = /^M(\d\d?)\.([1-5])\.([0-6])$/.exec(day) ?? []
  if (month !== undefined) return { dayOf: weekdayOf(Number(month), Number(week), Number(weekday)), seconds }
  const [, julian, number] = /^(J?)(\d{1,3})$/.exec(day) ?? []
  if (number === undefined) return undefined
  const at = Number(number)
  // With a J, 29 February is never counted, and days begin at 1.
  const dayOf = (year: number) =>
    dayNumber(year, 1, 1) + (julian === "" ? at : at - 1 + (isLeap(year) && at >= 60 ? 1 : 0))
  return { dayOf, seconds }
}

const name = "(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]+>)"
const offset = "[+-]?\\d{1,3}(?::\\d\\d?){0,2}"
const pattern = new RegExp(`^:?${name}(${offset})(?:${name}(${offset})?(?:,([^,]+),([^,]+))?)?$`)
const hasSummer = new RegExp(`^:?${name}${offset}${name}`)

/** The zone; undefined if it is not written so: most often it is the name of a zone. */
export const parse = (text: string): Zone | undefined => {
  const [, west, summerWest, begin = "M3.2.0", end = "M11.1.0"] = pattern.exec(text) ?? []
  const standardWest = west === undefined ? undefined : secondsOf(west)
  if (standardWest === undefined) return undefined
  const standard = 0 - standardWest
  if (!hasSummer.test(text)) return { standard, summer: undefined }
  const changes = { begin: changeOf(begin), end: changeOf(end) }
  const west2 = summerWest === undefined ? standardWest - 3600 : secondsOf(summerWest)
  if (changes.begin === undefined || changes.end === undefined || west2 === undefined) return undefined
  return { standard, summer: { offset: 0 - west2, begin: changes.begin, end: changes.end } }
}

const instantOf = ({ dayOf, seconds }: Change, year: number, offsetBefore: number): number =>
  dayOf(year) * 86_400 + seconds - offsetBefore

/** The offset in seconds east of UTC at a moment, which is in seconds since 1970. */
export const offsetAt = ({ standard, summer }: Zone, seconds: number): number => {
  if (summer === undefined) return standard
  const year = new Date((seconds + standard) * 1000).getUTCFullYear()
  const begin = instantOf(summer.begin, year, standard)
  const end = instantOf(summer.end, year, summer.offset)
  const isSummer = begin < end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end
  return isSummer ? summer.offset : standard
}
