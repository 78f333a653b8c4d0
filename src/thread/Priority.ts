/**
 * The loop's priority. A tracer whose buffers are full waits for an answer, or discards: where applications take all
 * processors, a relay that waits in line with them costs events. It asks for more, as audio servers and the audit
 * daemon do.
 *
 * Only the calling thread's, and of those that it starts from then on. Of compilers and collectors, which the runtime
 * has started before, the loop waits for none often enough.
 */
import { getPriority, setPriority } from "node:os"

export interface Priority {
  readonly raise: () => void
  readonly lower: () => void
}

/**
 * `boost` is taken from the niceness. Leaves alone one that somebody chose. Without the right to (root, `CAP_SYS_NICE`,
 * `LimitNICE`) nothing happens.
 */
export const make = (boost: number): Priority => {
  const set = (from: number, to: number) => {
    if (boost === 0 || getPriority() !== from) return
    try {
      setPriority(to)
    } catch {
      // As everybody else, then.
    }
  }
  return { raise: () => set(0, -boost), lower: () => set(-boost, 0) }
}
