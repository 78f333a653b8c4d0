/**
 * What the system has to let an edge have. With fewer descriptors (as many as a relay needs) it would listen, and the
 * runtime would close the connections of tracers without a word; with fewer threads the runtime itself ends so.
 */
import { Effect } from "effect"
import { processLimitMin } from "../../config/Descriptors.ts"
import { fileLimit } from "../../config/FileLimit.ts"
import * as ThreadRoom from "../../config/ThreadRoom.ts"
import { Failed } from "../Failed.ts"

/** Threads beside those that the process has by then: four for files, the operator's port, one of the kernel's. */
const threadCountMin = 6

/** What is wrong with the limits of this process; empty: nothing is. */
export const complaints = (): ReadonlyArray<string> => {
  const files = fileLimit()
  const threads = ThreadRoom.room()
  return [
    files < processLimitMin &&
      `the limit of open files (ulimit -n) is ${files}: an edge needs at least ${processLimitMin} [code=START_OPTION]`,
    threads < threadCountMin &&
      `the system lets the edge have ${Math.max(0, threads)} more threads (ulimit -u, or pids.max of its control group): ` +
        `it needs ${threadCountMin} [code=START_PROCESS]`
  ].filter((text) => text !== false)
}

export const suffice: Effect.Effect<void, Failed> = Effect.suspend(() => {
  const [message] = complaints()
  return message === undefined ? Effect.void : Effect.fail(new Failed({ message }))
})
