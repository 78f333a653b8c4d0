/** An edge whose relay is elsewhere from now on. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"

const address = (port: number) => ({ host: "127.0.0.1", port })

describe("an edge that is led to another relay", () => {
  it.live("while it greets the one before leaves that at once, with nothing of the session", () =>
    Effect.gen(function* () {
      const before = yield* TestRelay.make()
      const after = yield* TestRelay.make()
      const link = yield* new Link(() => before.controlPort).open
      const local = yield* Local.start({ controlPort: link.port, dataPort: before.dataPort })
      const { route } = local.edge
      link.passes = () => {
        link.passes = () => true
        route.redirect({ control: address(after.controlPort), data: address(after.dataPort) })
        return true
      }
      const file = yield* Local.whole(Script.make(local, after.output, () => {}))
      yield* local.forwarded
      assert.isAbove(after.output.size(file("ch_0")) ?? 0, 0)
      assert.deepStrictEqual(before.output.files(), [])
    })
  )
})
