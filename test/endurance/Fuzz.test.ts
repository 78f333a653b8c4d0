/** `node test/endurance/fuzz.ts 3600` takes more inputs. */
import { assert, it } from "@effect/vitest"
import { targets } from "./fuzz/targets.ts"

/** Of those that take more than some microseconds. */
const inputCounts: Readonly<Record<string, number>> = { sessions: 500, recovery: 500, hello: 100, http: 300 }

it.each(Object.keys(targets))("damaged, hostile and confused peers and files: %s", async (name) => {
  const inputCountMax = inputCounts[name] ?? 5000
  const outcome = await targets[name]?.(1, (inputCount) => inputCount >= inputCountMax)
  assert.isUndefined(outcome?.wrong?.cause)
  assert.isAtLeast(outcome?.inputCount ?? 0, inputCountMax)
  assert.isAbove(outcome?.rangeCount ?? 0, 10, "nothing was reached")
})
