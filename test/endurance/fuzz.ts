/**
 * Inputs made from inputs, guided by what they reach: node test/endurance/fuzz.ts [SECONDS] [TARGET…]
 * Of one that goes wrong: its bytes, in hexadecimal digits.
 */
import { inspect } from "node:util"
import { targets } from "./fuzz/targets.ts"

const [seconds = "60", ...names] = process.argv.slice(2)
const wanted = names.length > 0 ? names : Object.keys(targets)
const seed = Date.now() % 2 ** 31

const hex = (input: unknown): string =>
  Array.isArray(input) ? input.map(hex).join("\n") : Buffer.from(input as Uint8Array).toString("hex")

for (const name of wanted) {
  const end = Date.now() + (Number(seconds) * 1000) / wanted.length
  const outcome = await targets[name]?.(seed, () => Date.now() > end)
  if (outcome === undefined) throw new Error(`no target ${name}`)
  const { inputCount, keptCount, rangeCount, wrong } = outcome
  process.stdout.write(`${name}: seed ${seed}, ${inputCount} inputs, ${keptCount} kept, ${rangeCount} ranges reached\n`)
  if (wrong === undefined) continue
  process.stdout.write(`wrong: ${inspect(wrong.cause, { depth: 4 })}\n${hex(wrong.input)}\n`)
  process.exitCode = 1
}
