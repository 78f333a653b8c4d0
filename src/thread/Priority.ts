/**
 * The loop's priority. A tracer whose buffers are full waits for an answer, or discards: where applications take all
 * processors, a relay that waits in line with them costs events. It asks for more, as audio servers and the audit
 * daemon do.
 *
 * It changes the calling thread's priority, and that of threads which it starts from then on. The runtime's compilers
 * and garbage collectors, started before, keep theirs: the loop does not wait for them often enough.
 */
import { getPriority, setPriority } from "node:os"

export interface Priority {
  readonly raise: () => void
  readonly lower: () => void
}

/**
 * `boost` is subtracted from the niceness, if that is 0: one that somebody chose is left alone, and with a boost of 0
 * nothing changes. Nor does it without the right to (root, `CAP_SYS_NICE`, `LimitNICE`).
 */
export const make = (boost: number): Priority => {
  const set = (from: number, to: number) => {
    if (boost === 0 || getPriority() !== from) return
    try {
      setPriority(to)
    } catch {
      // Without the right the priority stays as it is.
    }
  }
  return { raise: () => set(0, -boost), lower: () => set(-boost, 0) }
}
