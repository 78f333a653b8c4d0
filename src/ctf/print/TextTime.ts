/** Times and their differences as babeltrace2 prints them. What changes only once a second is kept as bytes. */
import { nanos, type Time } from "../decode/Clock.ts"
import type { Bytes } from "./Bytes.ts"
import * as Piece from "./Piece.ts"

export interface TimeStyle {
  /** Seconds since the origin instead of a time of day. */
  readonly isSeconds: boolean
  readonly hasDate: boolean
  /** Instead of the local time zone. */
  readonly isGmt: boolean
}

const nanosPerSecond = 1_000_000_000n
const two32 = 0x1_0000_0000
const exactMax = 2 ** 53

const two = (value: number): string => String(value).padStart(2, "0")

export class TextTime {
  readonly #style: TimeStyle
  /** Stands before each time. */
  readonly #before: string
  /** Start of the second whose text is known, and that text up to the point. */
  readonly #second: Time = { high: 0, low: 0 }
  #known: Piece.Piece = Piece.of("")

  constructor(style: TimeStyle, before = "") {
    this.#style = style
    this.#before = before
  }

  write(time: Time, out: Bytes): void {
    let within = difference(this.#second, time)
    if (this.#known.length === 0 || within < 0 || within >= 1e9) {
      const total = nanos(time)
      if (total < 0n) {
        out.text(`${this.#before}-${-total / nanosPerSecond}.`)
        out.nine(Number(-total % nanosPerSecond))
        return
      }
      within = this.#enter(total)
    }
    out.stamp(this.#known, within)
  }

  /** Makes the text of another second known. */
  #enter(total: bigint): number {
    const within = total % nanosPerSecond
    const start = total - within
    this.#second.high = Number(start >> 32n)
    this.#second.low = Number(start & 0xffff_ffffn)
    this.#known = Piece.of(`${this.#before}${this.#text(Number(start / nanosPerSecond))}.`)
    return Number(within)
  }

  #text(seconds: number): string {
    const { hasDate, isGmt, isSeconds } = this.#style
    if (isSeconds) return String(seconds)
    const local = new Date(seconds * 1000)
    const date = isGmt
      ? [local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate()]
      : [local.getFullYear(), local.getMonth(), local.getDate()]
    const time = isGmt
      ? [local.getUTCHours(), local.getUTCMinutes(), local.getUTCSeconds()]
      : [local.getHours(), local.getMinutes(), local.getSeconds()]
    const [year = 0, month = 0, day = 0] = date
    const prefix = hasDate ? `${String(year).padStart(4, "0")}-${two(month + 1)}-${two(day)} ` : ""
    return prefix + time.map(two).join(":")
  }
}

/** In nanoseconds, exact up to 2⁵³. */
export const difference = (from: Time, to: Time): number => (to.high - from.high) * two32 + (to.low - from.low)

/** `S.nnnnnnnnn` from one time to another; backwards it is as if 64 bits had wrapped. */
export const writeDelta = (from: Time, to: Time, out: Bytes): void => {
  const delta = difference(from, to)
  if (delta >= 0 && delta < exactMax) {
    const seconds = Math.floor(delta / 1e9)
    out.int(seconds)
    out.byte(0x2e)
    out.nine(delta - seconds * 1e9)
  } else {
    const wrapped = BigInt.asUintN(64, nanos(to) - nanos(from))
    out.ascii(`${wrapped / nanosPerSecond}.`)
    out.nine(Number(wrapped % nanosPerSecond))
  }
}
