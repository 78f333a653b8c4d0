/**
 * Inputs made from inputs, guided by what they reach: node test/endurance/fuzz.ts [SECONDS] [TARGET…] [--keep]
 * Of one that goes wrong: its bytes, in hexadecimal digits. With --keep the corpus gets what has reached something new.
 */
import { inspect, parseArgs } from "node:util"
import * as Corpus from "./fuzz/corpus.ts"
import { targets } from "./fuzz/targets.ts"

const { positionals, values } = parseArgs({ allowPositionals: true, options: { keep: { type: "boolean" } } })
const [seconds = "60", ...names] = positionals
const wanted = names.length > 0 ? names : Object.keys(targets)
const seed = Date.now() % 2 ** 31
let sum = 0

for (const name of wanted) {
  const begin = Date.now()
  const end = begin + (Number(seconds) * 1000) / wanted.length
  const outcome = await targets[name]?.(seed, () => Date.now() > end)
  if (outcome === undefined) throw new Error(`no target ${name}`)
  const { inputCount, kept, rangeCount, wrong } = outcome
  sum += inputCount
  const rate = Math.round(inputCount / ((Date.now() - begin) / 1000))
  process.stdout.write(
    `${name}: seed ${seed}, ${inputCount} inputs (${rate} a second), ${kept.length} kept, ${rangeCount} ranges reached\n`
  )
  if (values.keep === true) Corpus.add(name, kept)
  if (wrong === undefined) continue
  const hex = wrong.input.map((part) => part.toString("hex")).join("\n")
  process.stdout.write(`wrong: ${inspect(wrong.cause, { depth: 4 })}\n${hex}\n`)
  process.exitCode = 1
}
process.stdout.write(`${sum} inputs\n`)
