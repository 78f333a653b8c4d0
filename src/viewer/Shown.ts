/**
 * How far each stream of a session has been shown, so that what is told again, after a relay was lost, is not shown
 * again. Each stream counts by itself: when the relay is lost, what was held back for other streams is shown, and these
 * may still have older records.
 */
import { compare, type Time } from "../ctf/decode/Clock.ts"
import type { ViewedStream } from "./ViewerMerge.ts"

interface OfStream {
  readonly key: string
  sessionId: bigint
  readonly until: Time
  /** Records up to this time were shown over a connection that was lost. */
  before: Time | undefined
}

/** So many ended streams are remembered: a killed relay may tell again of streams that it had closed just before. */
const endedCountMax = 4096

const never: Time = { high: Number.NEGATIVE_INFINITY, low: 0 }

export class Shown {
  /** By trace and name, which are the same over all connections, for as long as the session goes on. */
  readonly #streams = new Map<string, OfStream>()
  readonly #viewed = new WeakMap<ViewedStream, OfStream>()
  /** Streams that have ended while their session goes on, the oldest first. */
  readonly #ended = new Set<string>()
  /** Streams that ended before anything of them was shown. */
  readonly #endedUnseen = new WeakSet<ViewedStream>()
  readonly #isWhole: boolean
  #first: Time | undefined
  #floor: Time | undefined

  /** `isWhole`: sessions were watched from their beginning on; otherwise what happened before is not to be shown. */
  constructor(isWhole: boolean) {
    this.#isWhole = isWhole
  }

  /** To be called when all is told from the beginning again, over another connection. */
  asksAgain(): void {
    if (!this.#isWhole) this.#floor = this.#first
    for (const stream of this.#streams.values()) stream.before = { ...stream.until }
  }

  /** Whether a record was not shown yet; one without a time is always new. */
  isNew(time: Time, viewed: ViewedStream, traceUuid: Uint8Array | undefined): boolean {
    const { high, low } = time
    if (!Number.isFinite(high)) return true
    const stream = this.#viewed.get(viewed) ?? this.#find(viewed, traceUuid)
    if (stream.before !== undefined && compare(time, stream.before) <= 0) return false
    this.#first ??= { high, low }
    if (compare(time, stream.until) > 0) {
      stream.until.high = high
      stream.until.low = low
    }
    return true
  }

  #find(viewed: ViewedStream, traceUuid: Uint8Array | undefined): OfStream {
    const { channel, path, sessionId } = viewed
    const key = `${traceUuid}/${path}/${channel}`
    const stream = this.#streams.get(key) ?? { key, sessionId, until: { ...never }, before: this.#floor }
    stream.sessionId = sessionId
    this.#streams.set(key, stream)
    this.#viewed.set(viewed, stream)
    this.#ended.delete(key)
    if (this.#endedUnseen.has(viewed)) this.#end(stream)
    return stream
  }

  /** To be called when nothing more comes of the stream over this connection. */
  streamEnded(viewed: ViewedStream): void {
    const stream = this.#viewed.get(viewed)
    if (stream === undefined) this.#endedUnseen.add(viewed)
    else this.#end(stream)
  }

  #end({ key }: OfStream): void {
    this.#ended.add(key)
    const [oldest] = this.#ended
    if (this.#ended.size > endedCountMax && oldest !== undefined) this.#forget(oldest)
  }

  #forget(key: string): void {
    this.#ended.delete(key)
    this.#streams.delete(key)
  }

  /** How many streams are remembered. */
  get size(): number {
    return this.#streams.size
  }

  /** To be called when the session has ended: no relay tells of it again. */
  ended(sessionId: bigint): void {
    for (const [key, stream] of this.#streams) if (stream.sessionId === sessionId) this.#forget(key)
  }
}
