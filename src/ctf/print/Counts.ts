/** Counts event records by name, and by second: what a trace is made of, at a glance. */
import { harmless } from "../../errors/Harmless.ts"
import { difference, nanos, type Time, timeOf } from "../decode/Clock.ts"
import type { DataStream } from "../decode/DataStream.ts"
import type { EventPlan } from "../decode/Plan.ts"
import { quoted } from "./JsonStrings.ts"
import { dateText, secondText } from "./TextTime.ts"

const barWidth = 60
const rowCountMax = 40

export class Counts {
  readonly #byPlan = new Map<EventPlan, number>()
  /** Number of event records by second from the origin. */
  readonly #rates = new Map<number, number>()
  #second: Time = { high: 0, low: 0 }
  #key: number | undefined = undefined
  #inSecond = 0
  total = 0

  event(stream: DataStream): void {
    const plan = stream.current as EventPlan
    this.total++
    this.#byPlan.set(plan, (this.#byPlan.get(plan) ?? 0) + 1)
  }

  /** Counts an event and its second: to be called instead of `event`. */
  timed(stream: DataStream): void {
    this.event(stream)
    if (!stream.hasTime) return
    const within = difference(this.#second, stream.time)
    if (this.#key === undefined || within < 0 || within >= 1e9) this.#enter(stream.time)
    this.#inSecond++
  }

  #enter(time: Time): void {
    this.#settle()
    const total = nanos(time)
    const seconds = total / 1_000_000_000n - (total % 1_000_000_000n < 0n ? 1n : 0n)
    const start = seconds * 1_000_000_000n
    this.#second = timeOf(start)
    this.#key = Number(seconds)
  }

  #settle(): void {
    if (this.#key !== undefined) this.#rates.set(this.#key, (this.#rates.get(this.#key) ?? 0) + this.#inSecond)
    this.#inSecond = 0
  }

  /** Names with their counts, the most frequent first. */
  get names(): ReadonlyArray<readonly [string, number]> {
    const counts = new Map<string, number>()
    for (const [{ eventClass }, count] of this.#byPlan) {
      const name = eventClass.name ?? "<unknown>"
      counts.set(name, (counts.get(name) ?? 0) + count)
    }
    return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  }

  /** A line for each name, then their sum. */
  text(): string {
    const width = String(this.total).length
    const lines = this.names.map(([name, count]) => `${String(count).padStart(width)} ${harmless(name)}`)
    return [...lines, `${this.total} in all`, ""].join("\n")
  }

  /** One object per line. */
  json(): string {
    return this.names.map(([name, count]) => `{"type":"count","name":${quoted(name)},"count":${count}}\n`).join("")
  }

  /** A bar for the event records of each second, or of several seconds if there are many. */
  histogram(isGmt: boolean): string {
    this.#settle()
    const keys = [...this.#rates.keys()]
    if (keys.length === 0) return "no event with a time\n"
    const first = keys.reduce((a, b) => Math.min(a, b))
    const last = keys.reduce((a, b) => Math.max(a, b))
    const step = Math.ceil((last - first + 1) / rowCountMax)
    const bars = new Array<number>(Math.floor((last - first) / step) + 1).fill(0)
    for (const [key, count] of this.#rates) {
      const at = Math.floor((key - first) / step)
      bars[at] = (bars[at] ?? 0) + count
    }
    const most = bars.reduce((a, b) => Math.max(a, b))
    const width = String(most).length
    const [from, to] = [first, last].map((seconds) => dateText(seconds, isGmt))
    const style = { isSeconds: false, hasDate: from !== to, isGmt }
    const lines = bars.map((count, at) => {
      const bar = "█".repeat(Math.ceil((count / most) * barWidth))
      return `${secondText(first + at * step, style)} ${String(count).padStart(width)} ${bar}`.trimEnd()
    })
    return [`events per ${step === 1 ? "second" : `${step} seconds`}`, ...lines, ""].join("\n")
  }
}
