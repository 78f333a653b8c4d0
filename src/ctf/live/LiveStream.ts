/**
 * One stream of a live session: the packets that have come and are not read yet, and the time up to which nothing more
 * of it can come. Between two packets it may have no item; that is not its end.
 */
import { compare, type Time } from "../decode/Clock.ts"
import { type DataStream, event, failed, type Source } from "../decode/DataStream.ts"
import type { Failure } from "../decode/Fault.ts"
import { type Loss, Losses } from "../decode/Losses.ts"
import type { Head } from "../decode/Merge.ts"

export type Item = "event" | "loss" | "failure" | "none"

/** Bytes of packets that are kept because they are not read to their end, of all streams together. */
export interface Held {
  bytes: number
}

/** Counted for each packet besides its bytes. */
const packetCost = 512

interface Kept {
  readonly source: Source
  readonly cost: number
}

export class LiveStream implements Head {
  readonly stream: DataStream
  rank = 0
  high = Number.NEGATIVE_INFINITY
  low = 0
  item: Item = "none"
  loss: Loss | undefined = undefined
  /** The stream will bring nothing older than this. */
  readonly horizon: Time = { high: Number.NEGATIVE_INFINITY, low: 0 }
  /** No other stream waits for it: it has ended, or has said nothing for too long. */
  isSilent = false
  /** Its records have no time: they are due at once, and no other stream waits for them. */
  isTimeless = false
  isEnded = false
  /** A packet of it came late: it is not known yet whether its records are older than one that was visited. */
  isInDoubt = false
  readonly #kept: Array<Kept> = []
  readonly #held: Held
  readonly #losses = new Losses()
  #pending: ReadonlyArray<Loss> = []
  #isOpen = false
  /** Of the packet that was opened last, until it is read. */
  #cost = 0

  constructor(stream: DataStream, held: Held = { bytes: 0 }) {
    this.stream = stream
    this.#held = held
  }

  get failure(): Failure | undefined {
    return this.stream.failure
  }

  /** `byteCount`: what of the packet is in memory. */
  push(source: Source, byteCount = source.byteCount): void {
    const cost = byteCount + packetCost
    this.#held.bytes += cost
    this.#kept.push({ source, cost })
  }

  #close(): void {
    this.#isOpen = false
    this.#held.bytes -= this.#cost
    this.#cost = 0
  }

  raise(time: Time): void {
    if (compare(time, this.horizon) <= 0) return
    this.horizon.high = time.high
    this.horizon.low = time.low
  }

  /** Moves to the next item; `none`: no packet is left. */
  advance(): void {
    do {
      const [loss, ...pending] = this.#pending
      if (loss !== undefined) {
        this.loss = loss
        this.#pending = pending
        this.item = "loss"
      } else if (this.#isOpen) {
        this.#nextEvent()
      } else {
        this.#openPacket()
      }
    } while (this.item === "none" && (this.#isOpen || this.#kept.length > 0))
  }

  #openPacket(): void {
    const { stream } = this
    const kept = this.#kept.shift()
    this.item = "none"
    if (kept === undefined) return
    this.#cost = kept.cost
    if (!stream.open(kept.source)) {
      this.#close()
      this.item = "failure"
      return
    }
    this.#isOpen = true
    this.#pending = this.#losses.since(stream)
    if (stream.hasBegin) this.#at(stream.begin)
  }

  #nextEvent(): void {
    const { stream } = this
    const outcome = stream.next()
    if (outcome === event) {
      this.item = "event"
      if (stream.hasTime) this.#at(stream.time)
      else this.high = Number.NEGATIVE_INFINITY
      return
    }
    // It is not known where the next record after one that cannot be read begins.
    this.#close()
    this.item = outcome === failed ? "failure" : "none"
  }

  #at({ high, low }: Time): void {
    this.high = high
    this.low = low
  }
}
