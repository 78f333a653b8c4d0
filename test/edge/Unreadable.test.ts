/** What a relay cannot read of one journal when it starts again: that one is told of, and all others go on. */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as Local from "./Local.ts"

it.live("a journal that is none keeps no other from being gone through again", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const before = yield* Scope.provide(TestRelay.make(), scope)
    const { link, local, packet } = yield* Local.recording(before)
    yield* packet(0, 16)
    yield* Local.marked(local)
    link.isDown = true
    link.cut()
    yield* Scope.close(scope, Exit.void)
    // Names of others come before and behind any token.
    for (const token of ["-", "~"]) yield* before.memory.service.makeDirectory(`/traces/.journals/${token}.history`)
    const { relay } = yield* TestRelay.make({ memory: before.memory })
    assert.strictEqual((yield* relay.sessions).length, 1)
    const { incidents } = yield* relay.activity
    assert.deepInclude(incidents, { code: "JOURNAL_UNMARKED", count: 2 })
  })
)
