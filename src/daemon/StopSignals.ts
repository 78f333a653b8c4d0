/**
 * What SIGTERM and SIGINT do. The listeners stay the same from the first moment on: the runtime delivers signals later,
 * so one that came while a listener was replaced by another would be lost.
 */
const signals = ["SIGTERM", "SIGINT"] as const

/** Nothing is there yet that a stop would have to end in order. */
let stop = (): void => process.exit(0)

export const listen = (): void => {
  for (const signal of signals) process.on(signal, () => stop())
}

/** From now on a signal runs this. */
export const onStop = (run: () => void): void => {
  stop = run
}
