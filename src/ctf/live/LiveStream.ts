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
  isEnded = false
  /** A packet of it came late: it is not known yet whether its records are older than one that was visited. */
  isInDoubt = false
  readonly #sources: Array<Source> = []
  readonly #losses = new Losses()
  #pending: ReadonlyArray<Loss> = []
  #isOpen = false

  constructor(stream: DataStream) {
    this.stream = stream
  }

  get failure(): Failure | undefined {
    return this.stream.failure
  }

  push(source: Source): void {
    this.#sources.push(source)
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
    } while (this.item === "none" && (this.#isOpen || this.#sources.length > 0))
  }

  #openPacket(): void {
    const { stream } = this
    const source = this.#sources.shift()
    this.item = "none"
    if (source === undefined) return
    if (!stream.open(source)) {
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
    this.#isOpen = false
    this.item = outcome === failed ? "failure" : "none"
  }

  #at({ high, low }: Time): void {
    this.high = high
    this.low = low
  }
}
