/** `node test/endurance/fuzz.ts 3600` takes more inputs. */
import { assert, it } from "@effect/vitest"
import { targets } from "./fuzz/targets.ts"

it.each(Object.keys(targets))("damaged, hostile and confused peers and files: %s", async (name) => {
  const inputCountMax = name === "ini" || name === "metadata" ? 5000 : 500
  const outcome = await targets[name]?.(1, (inputCount) => inputCount >= inputCountMax)
  assert.isUndefined(outcome?.wrong?.cause)
  assert.isAtLeast(outcome?.inputCount ?? 0, inputCountMax)
  assert.isAbove(outcome?.rangeCount ?? 0, 10, "nothing was reached")
})
