/**
 * The grammars of single values: C integers, INI booleans, sizes, durations.
 *
 * Options, variables and INI keys share them. `undefined` always means "not a value of this grammar"; the caller knows
 * the name to complain about.
 */

/** What C's `strtol` with base 0 reads: optional sign, `0x` and `0` prefixes, anything after the digits ignored. */
export const cInteger = (text: string): number | undefined => {
  const match = /^\s*([+-]?)(?:0x([0-9a-f]+)|(0[0-7]*)|([1-9][0-9]*))/i.exec(text)
  if (match === null) return undefined
  const [, sign, hex, octal, decimal] = match
  const magnitude =
    hex !== undefined ? Number.parseInt(hex, 16) : octal !== undefined ? Number.parseInt(octal, 8) : Number(decimal)
  return sign === "-" ? -magnitude : magnitude
}

/** A switch: leading digits, or one of six words in any case. The number matters for `verbose`. */
export const switchValue = (text: string): number | undefined => {
  const digits = /^[0-9]+/.exec(text)
  if (digits !== null) return Number(digits[0])
  switch (text.toLowerCase()) {
    case "true":
    case "yes":
    case "on":
      return 1
    case "false":
    case "no":
    case "off":
      return 0
    default:
      return undefined
  }
}

const sizeUnits: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }

/** Bytes: a decimal integer with an optional suffix `k`, `M` or `G` (powers of 1024). */
export const sizeBytes = (text: string): number | undefined => {
  const match = /^([0-9]+)([kmg]?)(?:i?b)?$/i.exec(text)
  if (match === null) return undefined
  const bytes = Number(match[1]) * (sizeUnits[(match[2] ?? "").toLowerCase()] ?? 1)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** Timers count no further than to twice this, and fire at once beyond: 12 days stand for ever. */
export const timerMillisMax = 2 ** 30

/** Milliseconds: a decimal number of seconds, or of the unit written behind it (`ms`, `s`, `m`). */
export const durationMillis = (text: string): number | undefined => {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m)?$/.exec(text)
  if (match === null) return undefined
  const unitMillis = match[2] === "ms" ? 1 : match[2] === "m" ? 60_000 : 1000
  return Math.min(Math.round(Number(match[1]) * unitMillis), timerMillisMax)
}

/** A positive decimal integer and nothing else. */
export const count = (text: string): number | undefined => {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0
  return value > 0 ? value : undefined
}
