/** What comes in pieces of any sizes is taken in others. */
import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Unread from "../../src/transport/Unread.ts"

const Length = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))
/** So many bytes come, or are taken if there are so many. */
const Step = Schema.Struct({ isTaken: Schema.Boolean, length: Length })

it.prop(
  "every byte is taken once, in its turn, and counts until then",
  [Schema.Array(Step)],
  ([steps]) => {
    const unread = Unread.make()
    let [added, taken] = [0, 0]
    const bytesFrom = (from: number, count: number) =>
      Buffer.from(Array.from({ length: count }, (_, at) => (from + at) % 256))
    for (const { isTaken, length } of steps) {
      if (!isTaken) {
        unread.add(bytesFrom(added, length))
        added += length
      } else if (length <= added - taken) {
        assert.deepStrictEqual(Buffer.from(unread.take(length)), bytesFrom(taken, length))
        taken += length
      }
      assert.strictEqual(unread.bytes(), added - taken)
    }
  },
  { arbitrary: { runs: 500 } }
)
