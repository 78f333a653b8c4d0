/** A relay that is stopped while the session of an edge waits for its disk: nothing is lost, and no line says so. */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import * as Local from "./Local.ts"

const size = 64

for (const code of ["ENOSPC", "EROFS"]) {
  it.live(`the next relay goes on where it waited for ${code}, which is no failure`, () => {
    const { codes, layer } = logged()
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const relay = yield* Scope.provide(TestRelay.make(), scope)
      const { leadTo, local, packet, path } = yield* Local.recording(relay)
      yield* packet(0, size)
      yield* until("a packet", () => relay.output.size(path) === size)
      yield* Local.marked(local)
      relay.faults.fail({ code, operation: "write" })
      yield* packet(1, size)
      yield* until("it to wait", () => codes.includes("JOURNAL_WAITS"))
      yield* Scope.close(scope, Exit.void)
      const next = yield* TestRelay.make({ memory: relay.memory })
      leadTo(next)
      yield* packet(2, size)
      yield* until("all packets", () => next.output.size(path) === 3 * size)
      assert.notInclude(codes, "FILE_FAILED")
    }).pipe(Effect.provide(layer))
  })
}
