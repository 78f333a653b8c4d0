/** Who hears what happens in the relay can keep it from nobody else, nor from happening. */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch, Scope, Stream } from "effect"
import { eventCountMax, make, type RelayEvent } from "../../src/relay/Events.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"

it.live("a listener that throws hears nothing more; the session, and who else listens, go on", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const heard: Array<RelayEvent["_tag"]> = []
    let thrownCount = 0
    yield* relay.relay.hearEvents(() => {
      thrownCount++
      throw new Error("listener")
    })
    yield* relay.relay.hearEvents(({ _tag }) => void heard.push(_tag))
    const { c, d, file } = yield* relay.script().recording({})
    const stream = yield* c.addStream()
    yield* d.packet(stream, 0, 100)
    yield* c.index(stream, { seq: 0 })
    yield* until("the packet", () => relay.output.size(file("ch_0")) === 100)
    yield* c.close
    yield* d.close
    yield* until("the session to end", () => heard.at(-1) === "SessionClosed")
    assert.strictEqual(heard[0], "SessionCreated")
    assert.strictEqual(thrownCount, 1)
    const { incidents } = yield* relay.relay.activity
    assert.deepStrictEqual(incidents, [{ code: "LISTENER_DEFECT", count: 1 }])
  })
)

it.live("one listener in two scopes hears twice, and in one when the other has ended", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    let count = 0
    const listener = ({ _tag }: RelayEvent) => {
      if (_tag === "SessionCreated") count++
    }
    const scope = yield* Scope.make()
    yield* Scope.provide(relay.relay.hearEvents(listener), scope)
    yield* relay.relay.hearEvents(listener)
    yield* relay.script().recording({ name: "a" })
    assert.strictEqual(count, 2)
    yield* Scope.close(scope, Exit.void)
    yield* relay.script().recording({ name: "b" })
    assert.strictEqual(count, 3)
  })
)

it.live("a subscriber that lags behind is told how many of the oldest events it has missed, and of the end", () =>
  Effect.gen(function* () {
    const events = yield* make
    const released = yield* Latch.make(false)
    const closed = (streamId: number): RelayEvent => ({ _tag: "StreamClosed", sessionId: 1, streamId })
    const heard: Array<RelayEvent> = []
    const hearing = yield* Effect.forkScoped(
      Stream.runForEach(events.stream, (event) => {
        heard.push(event)
        return released.await
      })
    )
    yield* until("the subscriber", () => events.hasSubscribers)
    events.publish(closed(0))
    yield* until("it to hear", () => heard.length === 1)
    const last = eventCountMax + 10
    for (let id = 1; id <= last; id++) events.publish(closed(id))
    events.end()
    yield* released.open
    yield* Fiber.join(hearing)
    assert.deepStrictEqual(heard.slice(0, 3), [closed(0), { _tag: "EventsMissed", count: 11 }, closed(12)])
    assert.deepStrictEqual(heard.at(-1), closed(last))
  })
)
