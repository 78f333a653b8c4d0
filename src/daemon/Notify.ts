/**
 * Tells the service manager about readiness, stopping, and every half watchdog interval that the daemon lives.
 *
 * The runtime has no Unix datagrams and the packages that add them compile at installation, so this starts
 * `systemd-notify`, which comes with every service manager that sets `NOTIFY_SOCKET`. A unit needs `NotifyAccess=all`
 * for it. Without `NOTIFY_SOCKET` nothing happens; a failure is a warning, never the end of the daemon.
 */
import { spawn } from "node:child_process"
import { Effect, Schedule } from "effect"
import { report } from "../errors/Report.ts"
import * as SystemError from "../errors/SystemError.ts"

export type State = "READY=1" | "STOPPING=1" | "WATCHDOG=1"

/** How long `systemd-notify` may take: a service manager that takes no datagram at once will not later. */
const notifyMillisMax = 5000

const send = (state: State): Effect.Effect<void> =>
  Effect.callback<string | undefined>((resume) => {
    const child = spawn("systemd-notify", [state], { stdio: "ignore", timeout: notifyMillisMax })
    child.on("error", (error) => resume(Effect.succeed(`systemd-notify: ${SystemError.reasonOf(error)}`)))
    child.on("exit", (code) => resume(Effect.succeed(code === 0 ? undefined : `systemd-notify ended with ${code}`)))
  }).pipe(Effect.flatMap((problem) => (problem === undefined ? Effect.void : report("NOTIFY_FAILED", problem))))

export interface Notify {
  readonly send: (state: State) => Effect.Effect<void>
  /** Never ends while a watchdog is wanted; ends at once otherwise. */
  readonly watchdog: Effect.Effect<void>
}

const silent: Notify = { send: () => Effect.void, watchdog: Effect.void }

export const make = (env: Readonly<Record<string, string | undefined>>, pid: number): Notify => {
  const socket = env.NOTIFY_SOCKET
  if (!socket) return silent
  if (!/^[/@]./.test(socket)) {
    return { ...silent, send: () => report("NOTIFY_FAILED", "invalid NOTIFY_SOCKET: it must start with / or @") }
  }
  const isForUs = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === pid
  const intervalMillis = isForUs ? Math.floor(Number(env.WATCHDOG_USEC ?? 0) / 2000) : 0
  const watchdog =
    intervalMillis > 0
      ? send("WATCHDOG=1").pipe(Effect.schedule(Schedule.spaced(intervalMillis)), Effect.asVoid)
      : Effect.void
  return { send, watchdog }
}
