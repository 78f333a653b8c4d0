/**
 * What SIGTERM, SIGINT and SIGHUP do. The listeners stay the same from the first moment on: the runtime delivers
 * signals later, so one that came while a listener was replaced by another would be lost.
 */
import * as Terminal from "../config/Terminal.ts"
import { setImmediate } from "../Machine.ts"

const signals = ["SIGTERM", "SIGINT"] as const

/** Set by the first stage where nohup started it. */
const nohup = "LTTNG_RELAYD_NOHUP"

/** Nothing is there yet that a stop would have to end in order. */
let stop = (): void => process.exit(0)

let isHungUp = false
let hangup = (): void => {
  isHungUp = true
}

/** One that came before anything could be done for it. */
export const isHangupDue = (): boolean => isHungUp

/** Done when listeners have heard of every signal that came until now: the loop looks for them between two turns. */
export const delivered = async (): Promise<void> => {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** As early as can be. `isDue`: one came to the process that became this one. */
export const listenForHangups = (isDue: boolean): void => {
  isHungUp = isDue
  const endsWithTerminal = process.env[nohup] !== "1" && Terminal.isThere()
  process.on("SIGHUP", () => (endsWithTerminal && !Terminal.isThere() ? stop() : hangup()))
}

/** Once it is certain that this process is the daemon. */
export const listen = (): void => {
  delete process.env[nohup]
  for (const signal of signals) process.on(signal, () => stop())
}

/** From now on SIGTERM and SIGINT run this, and the end of the terminal. */
export const onStop = (run: () => void): void => {
  stop = run
}

/** From now on SIGHUP runs this, also one that came before. */
export const onHangup = (run: () => void): void => {
  hangup = run
  if (isHungUp) run()
}
