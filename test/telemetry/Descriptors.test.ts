/** The number of descriptors is what others count, without the one that counting takes. */
import { readdirSync } from "node:fs"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { until } from "../../src/testing/Waiting.ts"
import * as Ports from "../admin/ports.ts"

/** Of this process, which reads their directory by one of its own. */
const counted = () => readdirSync("/proc/self/fd").length - 1

it.live("the descriptors of the process are those that others count", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const { client } = yield* Ports.start()
      // Others of this process open and close some meanwhile, or none.
      let [openDescriptors, before] = [0, 0]
      const look = Effect.gen(function* () {
        before = counted()
        openDescriptors = (yield* client.relay.process()).openDescriptors
        return counted() === before
      })
      yield* until("a look while none comes or goes", look)
      assert.strictEqual(openDescriptors, before)
    })
  )
)
