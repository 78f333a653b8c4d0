/** Out of service and back: a deadline that is none ends no session, and nothing stays of what is taken back. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { timerMillisMax } from "../../src/config/Value.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"

it.live("a drain whose deadline is no time is refused, and nothing changes", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    yield* Script.make(relay, relay.output, () => {}).recording()
    const { drain, sessions } = relay.relay
    for (const none of [Number.NaN, -1, Number.POSITIVE_INFINITY, timerMillisMax + 1]) {
      const { _tag, message } = yield* Effect.flip(drain.begin(none))
      assert.strictEqual(_tag, "ConfigInvalid")
      assert.include(message, "deadlineMillis")
    }
    assert.deepInclude(yield* drain.status, { isDraining: false, sessionCount: 1 })
    yield* drain.begin(timerMillisMax)
    assert.lengthOf(yield* sessions, 1)
    yield* drain.begin(0)
    yield* until("the session to end", sessions, (all) => all.length === 0)
  })
)

it.live("a drain that is taken back, begun twice or once, keeps nobody from beginning", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const { drain, sessions } = relay.relay
    for (const _ of [1, 2]) yield* drain.begin()
    yield* drain.takeBack
    yield* Script.make(relay, relay.output, () => {}).recording()
    assert.lengthOf(yield* sessions, 1)
  })
)
