/** Times in NDJSON: decimal nanoseconds; for clocks from the epoch also ISO 8601 in UTC, with nine decimals. */
import { difference, nanos, type Time, timeOf } from "../decode/Clock.ts"
import type { Bytes } from "./Bytes.ts"
import * as Piece from "./Piece.ts"

const billion = 1_000_000_000n
/** Seconds from the epoch: bounds of the years 0 to 9999. */
const secondsMin = -62_167_219_200n
const secondsMax = 253_402_300_799n

/** `YYYY-MM-DDTHH:MM:SS.`, or nothing if the year does not have four digits. */
const isoSecond = (seconds: bigint): string =>
  seconds < secondsMin || seconds > secondsMax ? "" : new Date(Number(seconds) * 1000).toISOString().slice(0, 20)

const iso = (time: bigint): string => {
  const within = ((time % billion) + billion) % billion
  const second = isoSecond((time - within) / billion)
  return second === "" ? "" : `${second}${String(within).padStart(9, "0")}Z`
}

const nothing = Piece.of("")

/** What changes only once a second is kept as bytes. */
export class JsonTime {
  readonly #isEpoch: boolean
  /** Text that is written before each time. */
  readonly #before: string
  #second: Time = { high: 0, low: 0 }
  #digits: Piece.Piece = nothing
  #iso: Piece.Piece = nothing

  constructor(isEpoch: boolean, before: string) {
    this.#isEpoch = isEpoch
    this.#before = before
  }

  /** `,"ts":"…","time":"…"`. */
  write(time: Time, out: Bytes): void {
    let within = difference(this.#second, time)
    if (this.#digits === nothing || within < 0 || within >= 1e9) {
      const total = nanos(time)
      if (total < billion) {
        out.ascii(`${this.#before},"ts":"${total}"`)
        const text = this.#isEpoch ? iso(total) : ""
        if (text !== "") out.ascii(`,"time":"${text}"`)
        return
      }
      within = this.#enter(total)
    }
    out.stamp(this.#digits, within)
    if (this.#iso.length <= 1) {
      out.write(this.#iso)
      return
    }
    out.stamp(this.#iso, within)
    out.byte(0x5a)
    out.byte(0x22)
  }

  #enter(total: bigint): number {
    const within = total % billion
    const start = total - within
    this.#second = timeOf(start)
    this.#digits = Piece.of(`${this.#before},"ts":"${start / billion}`)
    const second = this.#isEpoch ? isoSecond(start / billion) : ""
    this.#iso = Piece.of(second === "" ? '"' : `","time":"${second}`)
    return Number(within)
  }
}
