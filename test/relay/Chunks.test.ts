/** Trace chunks by their tracing session: who finds which, and what a chunk is while it is being put away. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { Incidents } from "../../src/relay/Incidents.ts"
import { Chunks, type Owner } from "../../src/relay/session/Chunks.ts"
import type { TraceChunk } from "../../src/relay/TraceChunk.ts"

const owner: Owner = { sessiondUuid: "a", sessionKey: 1n }
const another: Owner = { sessiondUuid: "a", sessionKey: 11n }

/** A chunk whose close action takes until `settle`. */
const make = () => {
  const settled = Deferred.makeUnsafe<void>()
  const chunk = {
    referenceCount: 1,
    retain: () => void chunk.referenceCount++,
    closeAction: Effect.as(Deferred.await(settled), [])
  }
  return {
    chunk: chunk as unknown as TraceChunk,
    referenceCount: () => chunk.referenceCount,
    settle: Deferred.succeed(settled, undefined)
  }
}

const chunksWith = (chunk: TraceChunk) => {
  const chunks = new Chunks(new Incidents())
  assert.strictEqual(chunks.publish(owner, 5n, chunk), chunk)
  return chunks
}

describe("a trace chunk", () => {
  it("is found by its tracing session alone, with a reference more", () => {
    const { chunk, referenceCount } = make()
    const chunks = chunksWith(chunk)
    assert.strictEqual(chunks.acquire(owner, 5n), chunk)
    assert.strictEqual(referenceCount(), 2)
    assert.isUndefined(chunks.acquire(another, 5n))
    assert.strictEqual(chunks.publish(owner, 5n, make().chunk), chunk, "there is one of that number already")
    assert.strictEqual(referenceCount(), 3)
  })

  it.effect("that is being put away is nobody's any more, but is there until its files are in place", () =>
    Effect.gen(function* () {
      const old = make()
      const chunks = chunksWith(old.chunk)
      const retiring = yield* Effect.forkChild(chunks.retire(owner, old.chunk), { startImmediately: true })
      assert.isUndefined(chunks.acquire(owner, 5n))
      assert.deepStrictEqual([chunks.exists(owner, 5n), chunks.isSettling(owner, 5n)], [true, true])
      const waiting = yield* Effect.forkChild(chunks.settled(owner, 5n), { startImmediately: true })
      const all = yield* Effect.forkChild(chunks.allSettled(owner), { startImmediately: true })
      yield* chunks.allSettled(another)
      assert.deepStrictEqual([waiting.pollUnsafe(), all.pollUnsafe()], [undefined, undefined])
      yield* old.settle
      yield* Effect.forEach([retiring, waiting, all], Fiber.join)
      assert.deepStrictEqual([chunks.exists(owner, 5n), chunks.isSettling(owner, 5n), chunks.count], [false, false, 0])
    })
  )

  it.effect("is put away after those before it: on their way they lie in the same place", () =>
    Effect.gen(function* () {
      const [old, young, other] = [make(), make(), make()]
      const chunks = chunksWith(old.chunk)
      chunks.publish(owner, 6n, young.chunk)
      chunks.publish(another, 7n, other.chunk)
      for (const { settle } of [young, other]) yield* settle
      const first = yield* Effect.forkChild(chunks.retire(owner, old.chunk), { startImmediately: true })
      const second = yield* Effect.forkChild(chunks.retire(owner, young.chunk), { startImmediately: true })
      yield* chunks.retire(another, other.chunk)
      assert.deepStrictEqual([chunks.exists(owner, 6n), chunks.exists(another, 7n)], [true, false])
      yield* old.settle
      yield* Effect.forEach([first, second], Fiber.join)
      assert.strictEqual(chunks.count, 0)
    })
  )

  it.effect("of the same number that comes meanwhile stays when the old one has gone", () =>
    Effect.gen(function* () {
      const [old, young] = [make(), make()]
      const chunks = chunksWith(old.chunk)
      const retiring = yield* Effect.forkChild(chunks.retire(owner, old.chunk), { startImmediately: true })
      assert.strictEqual(chunks.publish(owner, 5n, young.chunk), young.chunk)
      yield* old.settle
      yield* Fiber.join(retiring)
      assert.strictEqual(chunks.acquire(owner, 5n), young.chunk)
    })
  )
})
