/**
 * What SIGTERM, SIGINT and SIGHUP do. The listeners stay the same from the first moment on: the runtime delivers
 * signals later, so one that came while a listener was replaced by another would be lost.
 */
import * as Terminal from "../config/Terminal.ts"
import { setImmediate } from "../Machine.ts"

const signals = ["SIGTERM", "SIGINT"] as const

/** Variable that the first stage sets if nohup started it. */
const nohup = "LTTNG_RELAYD_NOHUP"

/** At first a stop ends the process at once: there is nothing yet to end in order. */
let stop = (): void => process.exit(0)

let isHungUp = false
let hangup = (): void => {
  isHungUp = true
}

/** Whether a SIGHUP came before `onHangup`. */
export const isHangupDue = (): boolean => isHungUp

/** Resolves when listeners have heard of every signal until now: the loop looks for signals between two turns. */
export const delivered = async (): Promise<void> => {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Listens for SIGHUP; to be called as early as possible. `isDue`: one came to the process that became this one. */
export const listenForHangups = (isDue: boolean): void => {
  isHungUp = isDue
  const endsWithTerminal = process.env[nohup] !== "1" && Terminal.isThere()
  process.on("SIGHUP", () => (endsWithTerminal && !Terminal.isThere() ? stop() : hangup()))
}

/** Listens for SIGTERM and SIGINT; to be called once it is certain that this process is the daemon. */
export const listen = (): void => {
  delete process.env[nohup]
  for (const signal of signals) process.on(signal, () => stop())
}

/** From now on SIGTERM, SIGINT and the end of the terminal run this. */
export const onStop = (run: () => void): void => {
  stop = run
}

/** From now on SIGHUP runs this; it runs now if one came before. */
export const onHangup = (run: () => void): void => {
  hangup = run
  if (isHungUp) run()
}
