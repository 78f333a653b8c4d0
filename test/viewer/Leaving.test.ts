/** Attachments whose scope closes, at a relay that does not answer any more. */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Target from "../../src/target/Target.ts"
import { Link, TestRelay, Waiting } from "../../src/testing/index.ts"
import * as LiveViewer from "../../src/viewer/LiveViewer.ts"

it.effect("however many sessions are left, their detaches are waited for together", () =>
  Effect.gen(function* () {
    const { relay, targetUrl } = yield* TestRelay.make()
    const target = yield* Target.make({ url: targetUrl, hostname: "host" })
    yield* target.session({ name: "shown", liveTimer: "1 second" })
    yield* target.session({ name: "shown", liveTimer: "1 second" })
    yield* target.session({ name: "shown", liveTimer: "1 second" })
    const link = yield* Link.make()
    const port = yield* link.listen(relay.addresses.live)
    const scope = yield* Scope.make()
    const { viewer } = yield* Scope.provide(LiveViewer.fromUrl(`net://127.0.0.1:${port}`), scope)
    const shown = viewer.attachAll({ hostname: "host", sessionName: "shown" })
    assert.strictEqual((yield* Scope.provide(shown, scope)).sessions.length, 3)
    const asked = viewer.requestCount()
    link.freeze()
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
    yield* Waiting.until("all detaches", () => viewer.requestCount() === asked + 3)
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(closing)
  })
)
