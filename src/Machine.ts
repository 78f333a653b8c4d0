/**
 * Where all of `src` gets the time, turns of the event loop and chance from: the machine, or a simulated world in its
 * place. These are plain functions, as quick as what they stand for; fibers use Effect's `Clock` and `Scheduler`, which
 * such a world replaces as well. `test/Tidy.test.ts` keeps other sources out.
 */
import * as fs from "node:fs"

/** The machine's functions that a simulated world can replace. */
export interface Source {
  /** Milliseconds on a clock that only goes forward. */
  readonly clockMillis: () => number
  /** Nanoseconds on that clock, with another zero. */
  readonly clockNanos: () => bigint
  /** Whole milliseconds since 1970. */
  readonly wallMillis: () => number
  /** Microseconds since 1970. */
  readonly wallMicros: () => number
  /** Seconds since the process began. */
  readonly uptimeSeconds: () => number
  /** How long the calling thread has waited for a processor so far, in ns; undefined: the kernel does not say. */
  readonly waitedNanos: () => number | undefined
  /** Number of threads of all processes that run or could, this one included; undefined: the kernel does not say. */
  readonly runnableCount: () => number | undefined
  readonly setTimeout: (run: () => void, millis?: number) => NodeJS.Timeout
  readonly clearTimeout: (timer: NodeJS.Timeout | undefined) => void
  readonly setInterval: (run: () => void, millis: number) => NodeJS.Timeout
  readonly clearInterval: (timer: NodeJS.Timeout | undefined) => void
  readonly setImmediate: (run: () => void) => NodeJS.Immediate
  readonly queueMicrotask: (run: () => void) => void
  /** A random number in [0, 1). */
  readonly random: () => number
  /** Random bytes that nobody can guess. */
  readonly randomBytes: (count: number) => Buffer
  readonly randomUUID: () => string
}

/** Loaded at the first call: 1.5 MiB with OpenSSL, of which a relay that nobody has connected to needs nothing. */
const crypto = () => process.getBuiltinModule("node:crypto")

/** The number at the beginning of word `at` of one of the kernel's files; undefined: there is none. */
const numberIn = (path: string, at: number): number | undefined => {
  try {
    const number = Number.parseInt(fs.readFileSync(path, "latin1").split(" ")[at] ?? "", 10)
    return Number.isNaN(number) ? undefined : number
  } catch {
    return undefined
  }
}

/** When the monotonic clock was 0. Corrected when the wall clock was set, by so much at least. */
let wallOrigin = performance.timeOrigin
const setMillisMin = 100

/** Looked up at each call: tests put clocks of their own in the place of the globals. */
const machine: Source = {
  clockMillis: () => performance.now(),
  clockNanos: () => process.hrtime.bigint(),
  wallMillis: () => Date.now(),
  wallMicros: () => {
    const wall = Date.now()
    const steady = performance.now()
    // `Date` counts whole milliseconds.
    if (Math.abs(wall - wallOrigin - steady) > setMillisMin) wallOrigin = wall - steady
    return (wallOrigin + steady) * 1000
  },
  uptimeSeconds: () => process.uptime(),
  waitedNanos: () => numberIn("/proc/thread-self/schedstat", 1),
  runnableCount: () => numberIn("/proc/loadavg", 3),
  setTimeout: (run, millis) => globalThis.setTimeout(run, millis),
  clearTimeout: (timer) => globalThis.clearTimeout(timer),
  setInterval: (run, millis) => globalThis.setInterval(run, millis),
  clearInterval: (timer) => globalThis.clearInterval(timer),
  setImmediate: (run) => globalThis.setImmediate(run),
  queueMicrotask: (run) => globalThis.queueMicrotask(run),
  random: () => Math.random(),
  randomBytes: (count) => crypto().randomBytes(count),
  randomUUID: () => crypto().randomUUID()
}

// Assigned by `use` and by nothing else.
export let clockMillis = machine.clockMillis
export let clockNanos = machine.clockNanos
export let wallMillis = machine.wallMillis
export let wallMicros = machine.wallMicros
export let uptimeSeconds = machine.uptimeSeconds
export let waitedNanos = machine.waitedNanos
export let runnableCount = machine.runnableCount
export let setTimeout = machine.setTimeout
export let clearTimeout = machine.clearTimeout
export let setInterval = machine.setInterval
export let clearInterval = machine.clearInterval
export let setImmediate = machine.setImmediate
export let queueMicrotask = machine.queueMicrotask
export let random = machine.random
export let randomBytes = machine.randomBytes
export let randomUUID = machine.randomUUID

const use = (source: Source): void => {
  clockMillis = source.clockMillis
  clockNanos = source.clockNanos
  wallMillis = source.wallMillis
  wallMicros = source.wallMicros
  uptimeSeconds = source.uptimeSeconds
  waitedNanos = source.waitedNanos
  runnableCount = source.runnableCount
  setTimeout = source.setTimeout
  clearTimeout = source.clearTimeout
  setInterval = source.setInterval
  clearInterval = source.clearInterval
  setImmediate = source.setImmediate
  queueMicrotask = source.queueMicrotask
  random = source.random
  randomBytes = source.randomBytes
  randomUUID = source.randomUUID
}

/** A time of the clock that only goes forward as whole ms since 1970, by the wall clock as it is now. */
export const wallMillisOf = (clockedMillis: number): number =>
  Math.round(wallMillis() - (clockMillis() - clockedMillis))

/** An earlier date is of a clock that was not set. */
const dateMillisMin = Date.UTC(2026)

/** ms since the date, which another process has made; undefined: the clock is not set now, or was not set then. */
export const agoOf = (date: number): number | undefined => {
  const ago = wallMillis() - date
  return date >= dateMillisMin && ago >= 0 ? ago : undefined
}

/** A random UUID as 32 digits. */
export const uuidDigits = (): string => randomUUID().replaceAll("-", "")

/** From now on everything in this process uses `source`; the answered function puts the machine back. */
export const replace = (source: Source): (() => void) => {
  use(source)
  return () => use(machine)
}
