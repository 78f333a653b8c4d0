/**
 * The environment variables that are options of the daemon, as values. Messages are returned, not printed.
 *
 * Other variables are read where they are used: OpenTelemetry's (`ExportVariables`), the service manager's, those of
 * terminal and runtime, and what the stages of a start tell each other.
 */
import { userInfo } from "node:os"
import type { KeepAlive } from "./RelayConfig.ts"
import { cInteger, switchValue, timerMillisMax, wholeCInteger } from "./Value.ts"

export type Variables = Readonly<Record<string, string | undefined>>

/** The health protocol's components, at the position of their bit. */
export const components = [
  "dispatcher",
  "worker",
  "listener",
  "live-dispatcher",
  "live-worker",
  "live-listener"
] as const
export type Component = (typeof components)[number]

export interface Testpoints {
  readonly stalled: ReadonlyArray<Component>
  readonly failing: ReadonlyArray<Component>
}

/** The user's home: parent of INI file, run directory and default output. In containers users may have none. */
export const home = (env: Variables): string | undefined => {
  const fromPasswd = () => {
    try {
      return userInfo().homedir
    } catch {
      return undefined
    }
  }
  return (env.LTTNG_HOME || env.HOME || fromPasswd())?.replace(/(?<=.)\/+$|^\/+$/, "")
}

/** The run directory. `isNamed`: a variable names it, so a start without it must fail. */
export const runDirectory = (env: Variables): { readonly path: string | undefined; readonly isNamed: boolean } => {
  if (env.LTTNG_RUNDIR) return { path: env.LTTNG_RUNDIR, isNamed: true }
  const ofUser = home(env)
  const path = process.getuid?.() === 0 ? "/var/run/lttng" : ofUser === undefined ? undefined : `${ofUser}/.lttng`
  return { path, isNamed: false }
}

/** Undefined if the variable is absent, "invalid" if it is no boolean. */
export const disallowClear = (env: Variables): boolean | "invalid" | undefined => {
  const text = env.LTTNG_RELAYD_DISALLOW_CLEAR
  if (text === undefined) return undefined
  const value = switchValue(text)
  return value === undefined ? "invalid" : value > 0
}

/** Timeout of the peers' sockets; only a positive number of milliseconds sets one. */
export const socketTimeoutMillis = (env: Variables): number | undefined => {
  const millis = cInteger(env.LTTNG_NETWORK_SOCKET_TIMEOUT ?? "") ?? 0
  return millis > 0 ? Math.min(millis, timerMillisMax) : undefined
}

const prefix = "LTTNG_RELAYD_TCP_KEEP_ALIVE"
const int32Max = 2 ** 31 - 1

/** Why a keep-alive value is refused; after one that is out of range (`isLast`) no further variable is read. */
const refusalOf = (
  name: string,
  value: number
): { readonly texts: ReadonlyArray<string>; readonly isLast: boolean } => {
  const last = (...texts: ReadonlyArray<string>) => ({ texts, isLast: true })
  if (Number.isNaN(value)) return { texts: [`${name} is not a valid number`], isLast: false }
  if (!Number.isFinite(value)) {
    return last(`${name} cannot be parsed.`, "errno for previous parsing failure: Numerical result out of range")
  }
  if (value < -1) return last(`${name} must be greater or equal to -1`)
  if (value > int32Max) return last(`${name} is too big. Maximum value is ${int32Max}`)
  return { texts: [], isLast: false }
}

type Complain = (text: string, level?: "error" | "warning") => void

const keepAliveNumbers = (env: Variables, complain: Complain): KeepAlive => {
  const values: Array<number | undefined> = []
  const [idle, interval, count] = [`${prefix}_IDLE_TIME`, `${prefix}_PROBE_INTERVAL`, `${prefix}_MAX_PROBE_COUNT`]
  let isHidden = false
  for (const name of [idle, interval, count]) {
    const text = isHidden ? undefined : env[name]
    const value = text === undefined ? -1 : wholeCInteger(text)
    const { isLast, texts } = refusalOf(name, value)
    for (const complaint of texts) complain(complaint)
    isHidden ||= isLast
    values.push(texts.length === 0 && value > 0 ? value : undefined)
  }
  const threshold = `${prefix}_ABORT_THRESHOLD`
  if (!isHidden && env[threshold] !== undefined) {
    const what = "Overriding the TCP keep-alive abort threshold per-socket is not supported by this platform."
    complain(`${what} Ignoring the ${threshold} environment variable.`, "warning")
  }
  const [idleSeconds, probeIntervalSeconds, maxProbeCount] = values
  return { idleSeconds, probeIntervalSeconds, maxProbeCount }
}

/** A bad switch turns keep-alive off, and nothing more is read. Without a switch the numbers are only checked. */
export const keepAlive = (env: Variables, complain: Complain): KeepAlive | "off" | undefined => {
  const text = env[prefix]
  const enabled = text === undefined ? undefined : switchValue(text)
  if (text !== undefined && enabled !== 0 && enabled !== 1) {
    complain(`Invalid value for ${prefix}`)
    return "off"
  }
  const numbers = keepAliveNumbers(env, complain)
  if (enabled === undefined) return undefined
  return enabled === 1 ? numbers : "off"
}

/** Faults on demand, for the health checks of the tracer's own test suite. */
export const testpoints = (env: Variables): Testpoints => {
  if (!env.LTTNG_TESTPOINT_ENABLE?.startsWith("1")) return { stalled: [], failing: [] }
  const chosen = (suffix: string) =>
    components.filter((component) => {
      const variable = `LTTNG_RELAYD_THREAD_${component.toUpperCase().replace("-", "_")}_${suffix}`
      return env[variable]?.startsWith("1")
    })
  return { stalled: chosen("STALL"), failing: chosen("TP_FAIL") }
}
