/**
 * Calls that somebody's own regular expression may keep from ever coming back: ended after a time, wherever they are.
 * What such a call was working on is no use afterwards.
 */
import { createContext, Script } from "node:vm"

/** It was ended. */
export class DeadlineMissed extends Error {
  readonly _tag = "DeadlineMissed"
}

const box = createContext({ call: undefined as (() => unknown) | undefined })
const script = new Script("call()")

const isMissed = (cause: unknown): boolean =>
  (cause as { readonly code?: unknown } | undefined)?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"

/** Throws `DeadlineMissed`. */
export const within = <A>(millis: number, call: () => A): A => {
  box.call = call
  try {
    return script.runInContext(box, { timeout: millis }) as A
  } catch (cause) {
    throw isMissed(cause) ? new DeadlineMissed(`it took more than ${millis} ms`) : cause
  } finally {
    box.call = undefined
  }
}
