/**
 * Worlds for long: npm run simulate -- [--for 10m] [--count N] [--from SEED] [--seed SEED]. Prints how many, and what
 * they came to; of one that goes wrong, or takes too long, its seed, and the smallest like it.
 */
import { execFileSync } from "node:child_process"
import { setImmediate } from "node:timers/promises"
import { inspect, parseArgs } from "node:util"
import { Watchdog } from "./Watchdog.ts"
import { live, shrunk, usual } from "./world/World.ts"

const { values } = parseArgs({
  options: {
    for: { type: "string" },
    count: { type: "string" },
    from: { type: "string" },
    seed: { type: "string" }
  }
})
const millisOf = (text: string): number => {
  const [, amount = "1", unit = "m"] = /^(\d+)([smh])$/.exec(text) ?? []
  return Number(amount) * { s: 1000, m: 60_000, h: 3_600_000 }[unit as "s" | "m" | "h"]
}
/** Of the machine's time, for one world. */
const worldMillisMax = 90_000

const begin = Date.now()
const first = Number(values.seed ?? values.from ?? begin % 1_000_000_000)
const countMax = values.seed !== undefined ? 1 : Number(values.count ?? Number.POSITIVE_INFINITY)
const millisMax =
  values.for === undefined && values.count !== undefined ? Number.POSITIVE_INFINITY : millisOf(values.for ?? "1m")
const total = { worlds: 0, virtualMillis: 0, faultCount: 0, packetCount: 0, viewedCount: 0, requestCount: 0 }

const print = () => {
  const minutes = (Date.now() - begin) / 60_000
  const hours = total.virtualMillis / 3_600_000
  const faults = `${total.faultCount} faults, ${total.packetCount} packets, ${total.viewedCount} seen by viewers`
  const speed = `${total.worlds} worlds in ${minutes.toFixed(1)} minutes, ${(hours / minutes).toFixed(1)} virtual hours a minute`
  process.stdout.write(
    `seeds ${first}–${first + total.worlds - 1}: ${hours.toFixed(2)} virtual hours, ${faults}, ${total.requestCount} HTTP requests; ${speed}\n`
  )
}

const watchdog = new Watchdog(worldMillisMax)
let printedAt = begin
for (let seed = first; seed < first + countMax && Date.now() - begin < millisMax; seed++) {
  watchdog.begin(seed)
  try {
    const report = live({ ...usual, seed })
    total.worlds++
    for (const name of ["virtualMillis", "faultCount", "packetCount", "viewedCount", "requestCount"] as const) {
      total[name] += report[name]
    }
  } catch (cause) {
    watchdog.end()
    const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "latin1" }).trim()
    process.stdout.write(`seed ${seed} of ${commit} goes wrong: ${inspect(cause, { depth: 4 })}\n`)
    process.stdout.write(`the smallest like it: ${JSON.stringify(shrunk({ ...usual, seed }))}\n`)
    process.exit(1)
  }
  watchdog.end()
  await setImmediate()
  if (Date.now() - printedAt < 60_000) continue
  printedAt = Date.now()
  print()
}
print()
