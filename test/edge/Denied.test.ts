/**
 * A relay that may not write where it records: after a change of its user, say.
 * Goal: what edges bring waits until it may, from the first directory on; what leads out of the directory is refused.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Report from "../../src/edge/Report.ts"
import { leaving, RoomWait } from "../../src/storage/RoomWait.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import * as Local from "./Local.ts"

for (const operation of ["mkdir", "open"] as const) {
  for (const code of ["EACCES", "EPERM"]) {
    it.live(`a session whose first ${operation} fails with ${code} waits until it does not`, () => {
      const { codes, layer } = logged()
      return Effect.gen(function* () {
        const relay = yield* TestRelay.make()
        const mend = relay.faults.fail({ code, operation, path: "/traces/h" })
        const local = yield* Local.start(relay)
        const file = (yield* Effect.scoped(Local.whole(Script.make(local, relay.output, () => {}))))("ch_0")
        const waits = () => Report.of(local.edge, "").journals.some(({ waitsFor }) => waitsFor?.includes("disk"))
        yield* until("the edge to say that it waits", waits)
        mend()
        yield* local.forwarded
        yield* Local.quiet(relay)
        assert.strictEqual(relay.output.size(file), 16)
        assert.notInclude(codes, "JOURNAL_LOST")
        assert.include(codes, "JOURNAL_WAITS")
      }).pipe(Effect.scoped, Effect.provide(layer))
    })
  }
}

it("what leads out of the output directory is not waited for", () => {
  const { isMendable } = new RoomWait()
  assert.isTrue(isMendable({ code: "EPERM", operation: "open" }))
  assert.isFalse(isMendable({ code: "EPERM", operation: leaving }))
})
