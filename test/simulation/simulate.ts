/**
 * Worlds for long: npm run simulate -- [--for 10m] [--count N] [--from SEED] [--seed SEED] [--jobs N]. Prints how many,
 * and what they came to; of each that goes wrong, or takes too long, its seed, and the smallest like it. It goes on
 * after such a one, and has a status of 1 in the end.
 *
 * The seeds are dealt out to processes: one that never comes back from its world is ended, and another goes on behind.
 */
import { type ChildProcess, execFileSync, fork } from "node:child_process"
import { setImmediate } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { inspect, parseArgs } from "node:util"
import { Watchdog } from "./Watchdog.ts"
import { live, type Report, shrunk, usual } from "./world/World.ts"

/** What a process tells of a world: that it begins, what it came to, or why it went wrong. */
type Told =
  | { readonly seed: number }
  | { readonly seed: number; readonly report: Report }
  | { readonly seed: number; readonly wrong: string }

/** Of the machine's time, for one world. */
const worldMillisMax = 90_000
const wrongCountMax = 20
/** A world's garbage does not outlive it. */
const execArgv = [...process.execArgv, "--max-semi-space-size=64"]

const lives = async (first: number, step: number, count: number): Promise<void> => {
  const watchdog = new Watchdog(worldMillisMax)
  const tell = (told: Told) => process.send?.(told)
  for (let at = 0; at < count; at++) {
    const seed = first + at * step
    tell({ seed })
    watchdog.begin(seed)
    try {
      tell({ seed, report: live({ ...usual, seed }) })
    } catch (cause) {
      watchdog.end()
      const smallest = JSON.stringify(shrunk({ ...usual, seed }))
      tell({ seed, wrong: `${inspect(cause, { depth: 4 })}\nthe smallest like it: ${smallest}` })
    }
    watchdog.end()
    await setImmediate()
  }
  process.disconnect?.()
}

const sums = ["virtualMillis", "faultCount", "packetCount", "viewedCount", "requestCount"] as const

class Run {
  readonly #begin = Date.now()
  readonly #first: number
  readonly #jobCount: number
  readonly #total = { worlds: 0, virtualMillis: 0, faultCount: 0, packetCount: 0, viewedCount: 0, requestCount: 0 }
  readonly #children = new Set<ChildProcess>()
  wrongCount = 0

  constructor(first: number, jobCount: number) {
    this.#first = first
    this.#jobCount = jobCount
  }

  /** One process's share: every so many-th seed from this one on, up to this one. */
  async share(first: number, end: number): Promise<void> {
    for (let from = first; from < end && this.wrongCount < wrongCountMax; ) {
      const count = Math.ceil((end - from) / this.#jobCount)
      from = (await this.#child(from, count)) + this.#jobCount
    }
  }

  /** Answers the last seed that it was at. */
  #child(first: number, count: number): Promise<number> {
    const child = fork(fileURLToPath(import.meta.url), ["--of", `${first},${this.#jobCount},${count}`], { execArgv })
    this.#children.add(child)
    let last = first - this.#jobCount
    let isOver = true
    child.on("message", (told: Told) => {
      last = told.seed
      isOver = "report" in told || "wrong" in told
      if ("report" in told) this.#add(told.report)
      if ("wrong" in told) this.#wrong(told.seed, told.wrong)
    })
    return new Promise((resolve) =>
      child.on("close", () => {
        this.#children.delete(child)
        if (!isOver && !this.isEnding) this.#wrong(last, "it has not come to its end")
        resolve(this.isEnding ? Number.POSITIVE_INFINITY : last)
      })
    )
  }

  isEnding = false

  end(): void {
    this.isEnding = true
    for (const child of this.#children) child.kill()
  }

  #add(report: Report): void {
    this.#total.worlds++
    for (const name of sums) this.#total[name] += report[name]
  }

  #wrong(seed: number, why: string): void {
    const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "latin1" }).trim()
    process.stdout.write(`seed ${seed} of ${commit} goes wrong: ${why}\n`)
    if (++this.wrongCount >= wrongCountMax) this.end()
  }

  print(): void {
    const { faultCount, packetCount, requestCount, viewedCount, virtualMillis, worlds } = this.#total
    const minutes = (Date.now() - this.#begin) / 60_000
    const hours = virtualMillis / 3_600_000
    const faults = `${faultCount} faults, ${packetCount} packets, ${viewedCount} seen by viewers`
    const speed = `${worlds} worlds in ${minutes.toFixed(1)} minutes, ${(hours / minutes).toFixed(1)} virtual hours a minute`
    process.stdout.write(
      `seeds from ${this.#first}: ${hours.toFixed(2)} virtual hours, ${faults}, ${requestCount} HTTP requests; ${speed}; ${this.wrongCount} went wrong\n`
    )
  }
}

const { values } = parseArgs({
  options: {
    for: { type: "string" },
    count: { type: "string" },
    from: { type: "string" },
    seed: { type: "string" },
    jobs: { type: "string", default: "1" },
    /** Of a process of this one. */
    of: { type: "string" }
  }
})
const millisOf = (text: string): number => {
  const [, amount = "1", unit = "m"] = /^(\d+)([smh])$/.exec(text) ?? []
  return Number(amount) * { s: 1000, m: 60_000, h: 3_600_000 }[unit as "s" | "m" | "h"]
}

const all = async (): Promise<void> => {
  const first = Number(values.seed ?? values.from ?? Date.now() % 1_000_000_000)
  const count = values.seed !== undefined ? 1 : Number(values.count ?? 1_000_000_000)
  const time = values.for ?? (values.count === undefined && values.seed === undefined ? "1m" : undefined)
  const jobCount = Math.max(1, Math.min(count, Number(values.jobs)))
  const run = new Run(first, jobCount)
  const timers = [setInterval(() => run.print(), 60_000)]
  if (time !== undefined) timers.push(setTimeout(() => run.end(), millisOf(time)))
  await Promise.all(Array.from({ length: jobCount }, (_, job) => run.share(first + job, first + count)))
  for (const timer of timers) clearTimeout(timer)
  run.print()
  process.exitCode = run.wrongCount > 0 ? 1 : 0
}

if (values.of === undefined) await all()
else {
  const [first = 0, step = 1, count = 0] = values.of.split(",").map(Number)
  await lives(first, step, count)
}
