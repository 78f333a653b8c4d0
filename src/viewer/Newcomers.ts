/**
 * Since when there can be something in a stream that is announced while others of its session are watched: if a stream
 * did not exist when a question was asked, nothing happened in it before that. So it holds back nothing older, though
 * it has said nothing yet and its producer will not for a live period. The tracer's time of that moment, at least, is
 * known from what the relay told and when. There is one for each session: answers tell of new streams of their own
 * session, and each tracer has its clock. Not for the kernel's tracer, which records before it announces. Times in
 * nanoseconds.
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
  /** When the last question was asked whose answer told of no new stream. */
  #completeNanos: bigint | undefined

  /** `now`: a steady clock. */
  constructor(now: () => bigint) {
    this.#now = now
  }

  /** To be called before questions are asked. */
  onAsk(): void {
    this.#askedNanos = this.#now()
  }

  /** To be called with each answer to them. */
  onReply({ flags, status, timestampEnd }: GetNextIndex.Reply, clock: Scale | undefined): void {
    if ((flags & Flags.newStream) === 0) this.#completeNanos = this.#askedNanos
    if (clock !== undefined && (status === Status.ok || status === Status.inactive)) {
      this.#tracer.hear(fromCycles(clock, timestampEnd), this.#now())
    }
  }

  /** Nothing in the stream, which was just announced, is older in the tracer's time. Undefined: that is not known. */
  beginningOf({ path }: { readonly path: string }): bigint | undefined {
    const complete = this.#completeNanos
    return complete === undefined || kernelPath.test(path) ? undefined : this.#tracer.leastAt(complete)
  }
}
