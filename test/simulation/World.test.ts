/** Worlds from seeds; `npm run simulate -- --for 10m` lives through more of them. */
import { assert, describe, it } from "@effect/vitest"
import { live, shrunk, usual } from "./world/World.ts"

const seedCount = 200
const batch = 20

describe("worlds in which everything may go wrong", () => {
  const firsts = Array.from({ length: seedCount / batch }, (_, at) => at * batch)
  it.each(firsts)("come to a good end: seeds from %i", (first) => {
    for (let seed = first; seed < first + batch; seed++) {
      try {
        live({ ...usual, seed })
      } catch (cause) {
        throw new Error(`the smallest like seed ${seed}: ${JSON.stringify(shrunk({ ...usual, seed }))}`, {
          cause
        })
      }
    }
  })

  it("come to their end where they once turned without one: the beacon watch slept for the rest of a millisecond", () => {
    live({ ...usual, seed: 670865176 })
  })

  it("are the same again from the same seed", () => {
    for (const seed of [7, 8, 9]) {
      const world = { ...usual, seed }
      assert.deepStrictEqual(live(world), live(world))
    }
  })
})
