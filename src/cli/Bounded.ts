/**
 * Ends a command whose filter takes too long: a regular expression may take for ever on one text, and until it is over
 * nobody hears a Ctrl-C.
 */
import { Effect } from "effect"
import { DeadlineMissed, within } from "../admin/Deadline.ts"
import { Failed } from "./Failed.ts"

/** A step reads some thousand event records, in some milliseconds. */
const stepMillisMax = 10_000

/** Makes a call. If it takes too long it is ended, and nothing that it worked on may be used again. */
export type Bounded = <A>(call: () => A) => Effect.Effect<A, Failed>

const bounded = <A>(millisMax: number, call: () => A): Effect.Effect<A, Failed> => {
  try {
    return Effect.succeed(within(millisMax, call))
  } catch (cause) {
    if (!(cause instanceof DeadlineMissed)) throw cause
    const message = `--where takes too long: ${cause.message} for some thousand event records`
    return Effect.fail(new Failed({ message }))
  }
}

const stopSignal = "SIGTSTP"

/** Ctrl-Z stops the command between two steps: how long it is stopped is no time of a filter's. */
const stopBetween = (): void => {
  if (process.listenerCount(stopSignal) > 0) return
  process.on(stopSignal, () => process.kill(process.pid, "SIGSTOP"))
}

/** How steps of a command with these filters are made. */
export const steps = (
  { where }: { readonly where: ReadonlyArray<string> },
  millisMax: number = stepMillisMax
): Bounded => {
  if (!where.some((text) => /[=!]~/.test(text))) return Effect.sync
  stopBetween()
  return (call) => Effect.suspend(() => bounded(millisMax, call))
}
