/** A thread that is at work: it starts when it is first asked, and refuses until it is there. */
import type { Effect } from "effect"
import type { WriterThread } from "../../src/thread/WriterThread.ts"
import { until } from "../support/turns.ts"

export const started = (thread: WriterThread): Effect.Effect<void> =>
  until("the thread to be there", () => {
    const write = thread.write(1, [], undefined, () => {})
    write?.settle()
    return write !== undefined
  })
