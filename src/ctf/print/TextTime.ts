/** Times and their differences as babeltrace2 prints them. What changes only once a second is kept as bytes. */
import { local } from "../../model/Time.ts"
import { difference, nanos, type Time, timeOf } from "../decode/Clock.ts"
import type { Bytes } from "./Bytes.ts"
import * as Piece from "./Piece.ts"

export interface TimeStyle {
  /** Seconds since the origin instead of a time of day. */
  readonly isSeconds: boolean
  readonly hasDate: boolean
  /** UTC instead of the local time zone. */
  readonly isGmt: boolean
}

const nanosPerSecond = 1_000_000_000n
const exactMax = 2 ** 53

const two = (value: number): string => String(value).padStart(2, "0")

export class TextTime {
  readonly #style: TimeStyle
  /** Text that is written before each time. */
  readonly #before: string
  /** Start of the second whose text is known, and that text up to the point. */
  #second: Time = { high: 0, low: 0 }
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

  /** Makes the text of another second known; answers the nanoseconds within that second. */
  #enter(total: bigint): number {
    const within = total % nanosPerSecond
    const start = total - within
    this.#second = timeOf(start)
    this.#known = Piece.of(`${this.#before}${secondText(Number(start / nanosPerSecond), this.#style)}.`)
    return Number(within)
  }
}

/** A date whose UTC members are those to be shown. */
const shownAt = (seconds: number, isGmt: boolean): Date => (isGmt ? new Date(seconds * 1000) : local(seconds).shifted)

/** `YYYY-MM-DD`. */
export const dateText = (seconds: number, isGmt: boolean): string => {
  const at = shownAt(seconds, isGmt)
  return `${String(at.getUTCFullYear()).padStart(4, "0")}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`
}

/** The time that is `seconds` from the origin, in this style, without the point and the decimals. */
export const secondText = (seconds: number, { hasDate, isGmt, isSeconds }: TimeStyle): string => {
  if (isSeconds) return String(seconds)
  const at = shownAt(seconds, isGmt)
  const time = [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()]
  return (hasDate ? `${dateText(seconds, isGmt)} ` : "") + time.map(two).join(":")
}

/** Writes the time from one to another as `S.nnnnnnnnn`; a negative one wraps to 64 unsigned bits. */
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
