/**
 * Worlds for long: npm run simulate -- --for 10m [--seed N]. Prints how many, and what they came to; of one that goes
 * wrong its seed, and the smallest like it.
 */
import { execFileSync } from "node:child_process"
import { setImmediate } from "node:timers/promises"
import { inspect, parseArgs } from "node:util"
import { Watchdog } from "./Watchdog.ts"
import { live, shrunk, usual } from "./world/World.ts"

const { values } = parseArgs({ options: { for: { type: "string", default: "1m" }, seed: { type: "string" } } })
const [, amount = "1", unit = "m"] = /^(\d+)([smh])$/.exec(values.for) ?? []
const millis = Number(amount) * { s: 1000, m: 60_000, h: 3_600_000 }[unit as "s" | "m" | "h"]

/** Of the machine's time, for one world. */
const worldMillisMax = 90_000

const begin = Date.now()
const first = Number(values.seed ?? begin % 1_000_000_000)
const total = { worlds: 0, virtualMillis: 0, faultCount: 0, packetCount: 0, viewedCount: 0 }

const print = () => {
  const minutes = (Date.now() - begin) / 60_000
  const hours = total.virtualMillis / 3_600_000
  const counts = `${total.faultCount} faults, ${total.packetCount} packets, ${total.viewedCount} seen by viewers`
  const speed = `${(hours / minutes).toFixed(1)} virtual hours a minute`
  process.stdout.write(
    `seeds ${first}–${first + total.worlds - 1}: ${hours.toFixed(1)} virtual hours, ${counts}; ${speed}\n`
  )
}

const watchdog = new Watchdog(worldMillisMax)
let printedAt = begin
for (let seed = first; Date.now() - begin < millis && (values.seed === undefined || seed === first); seed++) {
  try {
    watchdog.begin(seed)
    const report = live({ ...usual, seed })
    watchdog.end()
    total.worlds++
    for (const name of ["virtualMillis", "faultCount", "packetCount", "viewedCount"] as const)
      total[name] += report[name]
  } catch (cause) {
    watchdog.end()
    const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "latin1" }).trim()
    process.stdout.write(`seed ${seed} of ${commit} goes wrong: ${inspect(cause, { depth: 4 })}\n`)
    process.stdout.write(`the smallest like it: ${JSON.stringify(shrunk({ ...usual, seed }))}\n`)
    process.exit(1)
  }
  await setImmediate()
  if (Date.now() - printedAt < 60_000) continue
  printedAt = Date.now()
  print()
}
print()
