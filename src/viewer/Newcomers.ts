/**
 * From when on there can be something in a stream that is announced while others of its session are watched: in one
 * that was not when a question was asked nothing happened before that. So it holds back nothing older, though it has
 * said nothing yet and its producer will not for a live period. What time that was for the tracer, at least, is known
 * from what the relay told and when. Of one session: answers tell of new streams in their own, and each tracer has its
 * clock. Not for the kernel's tracer, which announces later. Times in nanoseconds.
 */

import { fromCycles, type Scale } from "../ctf/model/Nanoseconds.ts"
import type * as GetNextIndex from "../protocol/live/GetNextIndex.ts"
import { Flags, Status } from "../protocol/live/GetNextIndex.ts"
import { TracerClock } from "./TracerClock.ts"

const kernelPath = /(?:^|\/)kernel$/

export class Newcomers {
  readonly #now: () => bigint
  readonly #tracer = new TracerClock()
  #askedNanos = 0n
  /** When the last question was asked whose answer knew of no stream that we do not. */
  #completeNanos: bigint | undefined

  /** `now`: a steady clock. */
  constructor(now: () => bigint) {
    this.#now = now
  }

  /** Questions follow. */
  onAsk(): void {
    this.#askedNanos = this.#now()
  }

  /** An answer to one of them. */
  onReply({ flags, status, timestampEnd }: GetNextIndex.Reply, clock: Scale | undefined): void {
    if ((flags & Flags.newStream) === 0) this.#completeNanos = this.#askedNanos
    if (clock !== undefined && (status === Status.ok || status === Status.inactive)) {
      this.#tracer.hear(fromCycles(clock, timestampEnd), this.#now())
    }
  }

  beginningOf({ path }: { readonly path: string }): bigint | undefined {
    const complete = this.#completeNanos
    return complete === undefined || kernelPath.test(path) ? undefined : this.#tracer.leastAt(complete)
  }
}
