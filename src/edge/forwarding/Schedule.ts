/**
 * Which rate holds when: `[DAYS ]FROM-TO=RATE` and `RATE`, one behind the other; the first that fits holds, one without
 * a time fits always, and where none fits there is no limit. Times are the host's local ones. Pure.
 */

interface Entry {
  /** First and last day, both included; 0 is Sunday. It may go over the end of the week. */
  readonly days: readonly [number, number]
  /** From and to, minutes of the day; if `to` is not greater than `from` it is on the next day. */
  readonly minutes: readonly [number, number]
  /** Bytes a second, above 0; infinite: no limit. */
  readonly rate: number
}

export type Schedule = ReadonlyArray<Entry>

const dayMinutes = 24 * 60
const dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

const pattern = /^(?:(?:([a-z]{3})(?:-([a-z]{3}))? +)?(\d{1,2})(?::(\d\d))?-(\d{1,2})(?::(\d\d))?=)?([^=]+)$/

/** Throws a message that says what is wrong, as does `parseRate`, which reads a number of bytes. */
export const parse = (text: string, parseRate: (text: string) => number): Schedule =>
  text.split(",").map((part) => entryOf(part.trim(), parseRate))

const entryOf = (part: string, parseRate: (text: string) => number): Entry => {
  const found = pattern.exec(part)
  if (found === null) throw new Error(`${part} is not a rate like 2M, nor one for hours like mon-fri 8-18:30=250k`)
  const [, fromDay, toDay = fromDay, fromHour, fromMinute = "0", toHour, toMinute = "0", rate = ""] = found
  const bytesPerSecond = rate === "none" ? Number.POSITIVE_INFINITY : parseRate(rate)
  if (bytesPerSecond <= 0) throw new Error(`${part}: a rate is above 0`)
  if (fromHour === undefined || toHour === undefined) {
    return { days: [0, 6], minutes: [0, dayMinutes], rate: bytesPerSecond }
  }
  const minutes = [minuteOf(fromHour, fromMinute, part), minuteOf(toHour, toMinute, part)] as const
  const days =
    fromDay === undefined ? ([0, 6] as const) : ([dayOf(fromDay, part), dayOf(toDay ?? fromDay, part)] as const)
  return { days, minutes, rate: bytesPerSecond }
}

const dayOf = (name: string, part: string): number => {
  const day = dayNames.indexOf(name)
  if (day < 0) throw new Error(`${part}: ${name} is no day like mon`)
  return day
}

const minuteOf = (hour: string, minute: string, part: string): number => {
  const minutes = Number(hour) * 60 + Number(minute)
  if (minutes > dayMinutes || Number(minute) > 59) throw new Error(`${part}: no such time of the day`)
  return minutes
}

const isWithin = (value: number, [from, to]: readonly [number, number]) =>
  from <= to ? value >= from && value <= to : value >= from || value <= to

/** Hours over midnight belong to the day on which they begin. */
const fits = ({ days, minutes: [from, to] }: Entry, day: number, minute: number): boolean => {
  if (from < to) return isWithin(day, days) && minute >= from && minute < to
  return (isWithin(day, days) && minute >= from) || (isWithin((day + 6) % 7, days) && minute < to)
}

/** Bytes a second at a time, in ms since the epoch. */
export const rateAt = (schedule: Schedule, millis: number): number => {
  const time = new Date(millis)
  const minute = time.getHours() * 60 + time.getMinutes()
  return schedule.find((entry) => fits(entry, time.getDay(), minute))?.rate ?? Number.POSITIVE_INFINITY
}
