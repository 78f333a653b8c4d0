/** Values of flags in the notations of the `lttng` command. Pure. */
import { Duration } from "effect"
import { sizeBytes } from "../config/Value.ts"

const durationUnits: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["us", 1],
  ["ms", 1000],
  ["s", 1_000_000],
  ["m", 60_000_000],
  ["h", 3_600_000_000]
])

/** `2s`, `500ms`; a number alone is microseconds, as of `lttng`. Throws what is wrong. */
export const parseTimer = (text: string): Duration.Duration => {
  const [, digits, unit = ""] = /^(\d+)([a-z]*)$/.exec(text) ?? []
  const micros = Number(digits) * (durationUnits.get(unit) ?? Number.NaN)
  if (!Number.isSafeInteger(micros)) throw new Error(`${text} is not a duration like 500ms or 2s`)
  return Duration.micros(BigInt(micros))
}

/** The same, but with its unit: people who leave it out mean seconds, and would get microseconds. */
export const parseDuration = (text: string): Duration.Duration => {
  if (/^\d*[1-9]\d*$/.test(text)) throw new Error(`${text} has no unit: ${text}s?`)
  return parseTimer(text)
}

const ageUnits: ReadonlyMap<string, number> = new Map([
  ["s", 1],
  ["m", 60],
  ["h", 3600],
  ["d", 86_400]
])

/** `90s`, `30m`, `12h`, `7d`. Throws what is wrong. */
export const parseAge = (text: string): Duration.Duration => {
  const [, digits, unit = ""] = /^([1-9]\d*)([smhd])$/.exec(text) ?? []
  const factor = ageUnits.get(unit)
  if (digits === undefined || factor === undefined) throw new Error(`${text} is not an age like 30m, 12h or 7d`)
  return Duration.seconds(Number(digits) * factor)
}

/** `64k`, `1M`, or bytes, as the daemon's options have them. Throws what is wrong. */
export const parseSize = (text: string): number => {
  const bytes = sizeBytes(text)
  if (bytes === undefined) throw new Error(`${text} is not a size like 4096, 64k or 1M`)
  return bytes
}
