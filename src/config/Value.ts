/**
 * The grammars of single values: C integers, INI booleans, sizes, durations.
 *
 * Options, variables and INI keys share them. `undefined` (of `wholeCInteger`: NaN) means "not a value of this
 * grammar"; the caller knows the name to complain about.
 */

/**
 * What C's `strtol` with base 0 reads: optional sign, prefixes `0x` and `0`, anything after the digits ignored.
 * Infinite if 64 bits cannot hold it.
 */
export const cInteger = (text: string): number | undefined => {
  const match = /^\s*([+-]?)(?:0x([0-9a-f]+)|(0[0-7]*)|([1-9][0-9]*))/i.exec(text)
  if (match === null) return undefined
  const [, sign, hex, octal, decimal] = match
  const digits = hex !== undefined ? `0x${hex}` : octal !== undefined ? `0o${octal}` : (decimal ?? "0")
  const read = BigInt(digits)
  const magnitude = BigInt.asUintN(64, read) === read ? Number(read) : Number.POSITIVE_INFINITY
  return sign === "-" ? -magnitude : magnitude
}

/** The same, but nothing may follow the digits; infinite if 64 bits cannot hold it. NaN: no number. */
export const wholeCInteger = (text: string): number => {
  const [, sign, prefix = "", digits] = /^\s*([+-]?)(0x(?=[0-9a-f])|0(?=[0-7]))?([0-9a-f]+)$/i.exec(text) ?? []
  if (
    digits === undefined ||
    !(prefix.length === 2 ? /^/ : prefix === "0" ? /^[0-7]+$/ : /^(0|[1-9][0-9]*)$/).test(digits)
  ) {
    return Number.NaN
  }
  const magnitude = BigInt(prefix === "0" ? `0o${digits}` : `${prefix}${digits}`)
  const value = sign === "-" ? -magnitude : magnitude
  return BigInt.asIntN(64, value) === value ? Number(value) : Number(value) * Number.POSITIVE_INFINITY
}

/** What C's `strtoul` reads of decimal digits with a sign, kept in 32 bits; undefined: there are no digits. */
const leadingDigits = (text: string): number | undefined => {
  const [, sign, digits] = /^\s*([+-]?)([0-9]+)/.exec(text) ?? []
  if (digits === undefined) return undefined
  const magnitude = BigInt(digits)
  if (magnitude >= 2n ** 64n) return -1
  return Number(BigInt.asIntN(32, sign === "-" ? -magnitude : magnitude))
}

/** A switch: leading digits, or one of six words in any case, as a number: 0 is off, more matter for `verbose`. */
export const switchValue = (text: string): number | undefined => {
  const number = leadingDigits(text)
  if (number !== undefined) return number < 0 ? undefined : number
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

/** The least packet memory: one block; with less no packet would find a place. */
export const memoryBytesMin = 64 * 1024
export const memoryBytes = (text: string): number | undefined => {
  const bytes = sizeBytes(text) ?? 0
  return bytes < memoryBytesMin ? undefined : bytes
}

/** Longest time of a timer, 12 days, which stands for ever: beyond twice this, timers fire at once. */
export const timerMillisMax = 2 ** 30

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds: a decimal number of seconds, or of the unit written behind it (`ms`, `s`, `m`, `h`, `d`). */
export const durationMillis = (text: string): number | undefined => {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)?$/.exec(text)
  if (match === null) return undefined
  return Math.min(Math.round(Number(match[1]) * (durationUnits[match[2] ?? "s"] ?? 1000)), timerMillisMax)
}

/** A positive decimal integer and nothing else. */
export const count = (text: string): number | undefined => {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0
  return value > 0 ? value : undefined
}

/** Parses a decimal integer from 0 to `max`. */
const upTo =
  (max: number) =>
  (text: string): number | undefined => {
    const value = /^[0-9]{1,2}$/.test(text) ? Number(text) : Number.NaN
    return value <= max ? value : undefined
  }

/** Most threads that write beside the loop: more than the machines of relays have processors. */
export const workersMax = 64
export const workers = upTo(workersMax)

/** Most that can be subtracted from the usual niceness. */
export const priorityBoostMax = 20
export const priorityBoost = upTo(priorityBoostMax)

/** Threads for file operations: the runtime makes no more. */
const ioThreadsMax = 1024
export const ioThreads = (text: string): number | undefined => {
  const value = count(text)
  return value === undefined || value > ioThreadsMax ? undefined : value
}
