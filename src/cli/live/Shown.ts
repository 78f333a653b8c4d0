/**
 * How far the streams of a session have been shown, so that what a relay tells again, asked anew after it was lost, is
 * not shown again. Of each stream by itself: what was held back for others when the relay was lost is shown then, and
 * the others may have older records still.
 */
import { compare, type Time } from "../../ctf/decode/Clock.ts"
import type { ViewedStream } from "../../viewer/LiveViewer.ts"

interface OfStream {
  readonly key: string
  sessionId: bigint
  readonly until: Time
  /** What is not later was shown over a connection that was lost. */
  before: Time | undefined
}

/** A relay that was killed may tell again of streams that it had closed a moment before: of so many. */
const endedCountMax = 4096

const never: Time = { high: Number.NEGATIVE_INFINITY, low: 0 }

export class Shown {
  /** By what is the same over all connections, for as long as the session goes on. */
  readonly #streams = new Map<string, OfStream>()
  readonly #viewed = new WeakMap<ViewedStream, OfStream>()
  /** Streams that have ended while their session goes on, the oldest first. */
  readonly #ended = new Set<string>()
  /** They ended before anything of them was shown. */
  readonly #endedUnseen = new WeakSet<ViewedStream>()
  readonly #isWhole: boolean
  #first: Time | undefined
  #floor: Time | undefined

  /** `isWhole`: sessions were watched from their beginning on; otherwise what happened before is none of ours. */
  constructor(isWhole: boolean) {
    this.#isWhole = isWhole
  }

  /** All is told from the beginning. */
  asksAgain(): void {
    if (!this.#isWhole) this.#floor = this.#first
    for (const stream of this.#streams.values()) stream.before = { ...stream.until }
  }

  /** What has no time is new. */
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

  /** Nothing more comes of it over this connection. */
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

  /** Streams of which something is remembered. */
  get size(): number {
    return this.#streams.size
  }

  /** No relay tells of it again. */
  ended(sessionId: bigint): void {
    for (const [key, stream] of this.#streams) if (stream.sessionId === sessionId) this.#forget(key)
  }
}
