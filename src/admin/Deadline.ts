/**
 * Calls that somebody's own regular expression may keep from ever coming back: ended after a time, wherever they are.
 * What such a call was working on is no use afterwards.
 */
import { closeSync, openSync } from "node:fs"
import { createContext, Script } from "node:vm"

/** It was ended. */
export class DeadlineMissed extends Error {
  readonly _tag = "DeadlineMissed"
}

/** Runs what is in its box. A context takes memory, and few ask for regular expressions. */
const made = () => ({
  box: createContext({ call: undefined as (() => unknown) | undefined }),
  script: new Script("call()")
})
let watched: ReturnType<typeof made> | undefined

const isMissed = (cause: unknown): boolean =>
  (cause as { readonly code?: unknown } | undefined)?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"

/** More than the runtime takes for its watch. Where it finds fewer, it ends the process. */
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

/** Throws `DeadlineMissed`, or that nothing can be watched now. */
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
