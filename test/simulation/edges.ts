/**
 * Edges and relays of simulated worlds, for long: node test/simulation/edges.ts [COUNT] [FIRST SEED]. Then one session
 * whose first connection breaks behind each of its bytes, and one whose relay is killed at each operation. Prints what
 * it came to, and what went wrong.
 */
import { inspect } from "node:util"
import { direct, live, type Report } from "./edge/EdgeWorld.ts"
import { failingSession, longSession, oneSession, rotatingSession, unpoweredSession, usual } from "./edge/Options.ts"

const [count = "10000", first = "1"] = process.argv.slice(2)
const total = new Map<string, number>()
let wrongCount = 0

const lived = (what: string, life: () => Report): void => {
  try {
    for (const [name, value] of Object.entries(life())) total.set(name, (total.get(name) ?? 0) + value)
  } catch (cause) {
    wrongCount++
    process.stdout.write(`${what} goes wrong: ${inspect(cause, { depth: 4 })}\n`)
  }
}

for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  lived(`seed ${seed}`, () => live({ ...usual, seed }))
  if (seed % 8 === 0) lived(`seed ${seed}, of 2.10`, () => live({ ...usual, minor: 10, seed }))
  const hasMiddle = seed % 4 === 0
  if (hasMiddle) lived(`seed ${seed}, with an edge between`, () => live({ ...usual, hasMiddle, seed }))
  const failing = { ...usual, hasEdgeKills: false, isFailing: true, seed }
  if (seed % 4 === 1) lived(`seed ${seed}, with files that cannot be written`, () => live(failing))
  const power = { ...usual, hasEdgeKills: false, hasPowerLosses: true, hasStops: seed % 4 === 1, seed }
  if (seed % 2 === 1) lived(`seed ${seed}, with power losses`, () => live(power))
  if (seed % 2 === 0) lived(`seed ${seed}, with stops`, () => live({ ...usual, hasMiddle, hasStops: true, seed }))
}
const expected = direct(oneSession)
const { passedByteCount } = live(oneSession, expected)
for (let cutAt = 1; cutAt < passedByteCount; cutAt++) {
  lived(`a cut after ${cutAt} bytes`, () => live({ ...oneSession, cutAt }, expected))
}
for (const options of [longSession, rotatingSession, unpoweredSession, failingSession]) {
  const long = direct(options)
  for (let killAt = 1; ; killAt++) {
    let isKilled = true
    lived(`a kill at operation ${killAt}`, () => {
      const report = live({ ...options, killAt }, long)
      isKilled = report.relayKillCount > 0
      return report
    })
    if (!isKilled) break
  }
}
process.stdout.write(`${count} seeds, ${passedByteCount} bytes: ${JSON.stringify(Object.fromEntries(total))}\n`)
process.exitCode = wrongCount === 0 ? 0 : 1
