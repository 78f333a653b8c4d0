/** An upgrade in mid-session: relay and edge go on with what those of an earlier version left. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as Earlier from "../support/earlier.ts"
import { logged } from "../support/logged.ts"
import * as Local from "./Local.ts"

for (const commit of Earlier.commits) {
  it.live(`a session goes on where relay and edge were of ${commit}`, () =>
    Effect.gen(function* () {
      const direct = yield* TestRelay.make()
      yield* Effect.scoped(Earlier.told(direct.script()))
      yield* Local.quiet(direct)
      const { output, spool } = Earlier.left(commit)
      const changes = output.paths("/traces/.journals").find((path) => path.endsWith(".changes")) ?? ""
      assert.include(Buffer.from(output.read(changes) ?? []).toString(), '"from"', "it was renaming")
      const { codes, layer } = logged()
      yield* Effect.gen(function* () {
        const relay = yield* TestRelay.make({ memory: output })
        assert.strictEqual((yield* relay.relay.sessions).length, 1)
        const local = yield* Local.start({ ...relay, files: spool.service })
        yield* local.forwarded
        yield* Local.quiet(relay)
        assert.deepStrictEqual(relay.output.tree(), direct.output.tree())
      }).pipe(Effect.provide(layer))
      assert.deepStrictEqual(
        codes.filter((code) => code !== undefined && code !== "JOURNAL_SUSPENDED"),
        []
      )
    })
  )
}
