/**
 * Ends calls that take too long, wherever they are: a client's regular expression may keep them from ever returning.
 * What such a call was working on must not be used afterwards.
 */
import { closeSync, openSync } from "node:fs"
import { createContext, Script } from "node:vm"

/** The call was ended. */
export class DeadlineMissed extends Error {
  readonly _tag = "DeadlineMissed"
}

/** A script that calls what is put in its box. Made late: a context takes memory, and few use regular expressions. */
const made = () => ({
  box: createContext({ call: undefined as (() => unknown) | undefined }),
  script: new Script("call()")
})
let watched: ReturnType<typeof made> | undefined

const isMissed = (cause: unknown): boolean =>
  (cause as { readonly code?: unknown } | undefined)?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"

/** More descriptors than the runtime's watch takes: if it finds too few, the runtime ends the process. */
const descriptorCountMin = 8

const hasDescriptors = (): boolean => {
  const taken: Array<number> = []
  try {
    while (taken.length < descriptorCountMin) taken.push(openSync("/dev/null", "r"))
    return true
  } catch {
    return false
  } finally {
    for (const descriptor of taken) closeSync(descriptor)
  }
}

/** Answers what `call` does within `millis`. Throws `DeadlineMissed`, or an error if nothing can be watched now. */
export const within = <A>(millis: number, call: () => A): A => {
  if (!hasDescriptors()) throw new Error("there are no descriptors left to watch it with")
  watched ??= made()
  const { box, script } = watched
  box.call = call
  try {
    return script.runInContext(box, { timeout: millis }) as A
  } catch (cause) {
    throw isMissed(cause) ? new DeadlineMissed(`it took more than ${millis} ms`) : cause
  } finally {
    box.call = undefined
  }
}
