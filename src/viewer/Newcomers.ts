/**
 * Since when there can be something in a stream that is announced while others of its session are watched: if a stream
 * did not exist when a question was asked, nothing happened in it before that. So it holds back nothing older, though
 * it has said nothing yet and its producer will not for a live period. The tracer's time of that moment, at least, is
 * known from what the relay told and when. There is one for each session: answers tell of new streams of their own
 * session, and each tracer has its clock. Not for the kernel's tracer, which records before it announces.
 *
 * An edge answers the tracer that announces a stream, so what comes by an edge may have happened long before the relay
 * knew the stream. But it comes in order: what was told by an answer that did not know the stream is older than it.
 * Times in nanoseconds.
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
  /** The latest time of the tracer's that such an answer told. */
  #toldNanos: bigint | undefined
  #isByEdge = false

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
    const isComplete = (flags & Flags.newStream) === 0
    if (isComplete) this.#completeNanos = this.#askedNanos
    if ((flags & Flags.byEdge) !== 0) this.#isByEdge = true
    if (clock === undefined || (status !== Status.ok && status !== Status.inactive)) return
    const told = fromCycles(clock, timestampEnd)
    this.#tracer.hear(told, this.#now())
    if (isComplete && (this.#toldNanos === undefined || told > this.#toldNanos)) this.#toldNanos = told
  }

  /** Nothing in the stream, which was just announced, is older in the tracer's time. Undefined: that is not known. */
  beginningOf({ path }: { readonly path: string }): bigint | undefined {
    const complete = this.#completeNanos
    if (complete === undefined || kernelPath.test(path)) return undefined
    return this.#isByEdge ? this.#toldNanos : this.#tracer.leastAt(complete)
  }
}
