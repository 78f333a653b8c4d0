/**
 * What a relay without journals is asked for before a stream or connection ends.
 * Goal: it is waited for as long as it takes for what it will have, and not for what a tracer never sent.
 */
import { assert, it } from "@effect/vitest"
import { Arrivals } from "../../src/edge/forwarding/plain/Arrivals.ts"
import { u64Max } from "../../src/protocol/Struct.ts"

const asked = (arrivals: Arrivals) => [arrivals.sure(1n), arrivals.due(1n)]

it("a packet is certain to arrive once all of it and its index were sent, and is asked for until it has", () => {
  const arrivals = new Arrivals()
  assert.deepStrictEqual(asked(arrivals), [undefined, undefined])
  arrivals.begun(1n, 0n)
  arrivals.indexed(1n, 0n)
  assert.deepStrictEqual(asked(arrivals), [undefined, 0n])
  arrivals.whole(1n, 0n)
  assert.deepStrictEqual(asked(arrivals), [0n, 0n])
  arrivals.begun(1n, 1n)
  arrivals.whole(1n, 1n)
  assert.deepStrictEqual(asked(arrivals), [0n, 1n])
  arrivals.arrived(1n, 0n)
  assert.deepStrictEqual(asked(arrivals), [undefined, 1n])
  arrivals.indexed(1n, 1n)
  assert.deepStrictEqual(asked(arrivals), [1n, 1n])
  arrivals.arrived(1n, 1n)
  assert.deepStrictEqual(asked(arrivals), [undefined, undefined])
})

it("a stream is over when its last packet has begun, if that is known", () => {
  const arrivals = new Arrivals()
  arrivals.begun(1n, 0n)
  assert.isTrue(arrivals.closed(1n, u64Max))
  assert.isTrue(arrivals.closed(1n, 0n))
  assert.isFalse(arrivals.closed(1n, 1n))
  assert.deepStrictEqual([arrivals.isLast(1n, 0n), arrivals.isLast(1n, 1n)], [false, true])
  arrivals.forget(1n)
  assert.deepStrictEqual(arrivals.streams, [])
})
