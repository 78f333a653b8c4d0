/** A relay that is stopped while it is at any one of its operations has closed all, and the next one loses nothing. */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as GatedFiles from "../../src/storage/GatedFiles.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { halting } from "../support/yielding.ts"
import * as Local from "./Local.ts"

const size = 64
/** A stop comes so far while the operation waits. */
const turnCount = 1000

/** Calls `stops` at the operation of that number, which goes on some turns later. */
const stoppingAt = (number: number, stops: () => void, memory = new MemoryFiles({ isImmediate: false })) => {
  let count = Number.NEGATIVE_INFINITY
  const turns = Effect.forEach(Array.from({ length: turnCount }), () => Effect.yieldNow, { discard: true })
  const service = GatedFiles.make(memory.service, {
    pass: ({ act }) =>
      Effect.suspend(() => {
        if (++count !== number) return act
        // In the next turn: the fiber may only just have begun, and the relay knows it when it is started.
        const stopped = Effect.andThen(Effect.yieldNow, Effect.sync(stops))
        return Effect.uninterruptible(Effect.andThen(stopped, Effect.andThen(turns, act)))
      }),
    passNow: (_path, byteCount) => byteCount
  })
  const gated = Object.defineProperty(Object.create(memory) as MemoryFiles, "service", { value: service })
  const begin = () => {
    count = 0
  }
  return { begin, gated, memory, isReached: () => count >= number }
}

/** Packets, a name that is taken, the end of a trace chunk, more packets. Not stopped: there are fewer operations. */
const recorded = (number: number) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    let closing: Fiber.Fiber<void> | undefined
    const { begin, gated, isReached, memory } = stoppingAt(number, () => {
      closing = Effect.runFork(Scope.close(scope, Exit.void))
    })
    const relay = yield* Scope.provide(TestRelay.make({ memory: gated }), scope)
    begin()
    const { c, d, leadTo, local, packet } = yield* Local.recording(relay)
    yield* packet(0, size)
    const twin = yield* c.addStream({ channel: "ch_1" })
    yield* d.packet(twin, 0, size)
    yield* c.index(twin, { seq: 0 })
    yield* c.closeStream(twin, 0)
    // Its name is taken.
    yield* c.addStream({ channel: "ch_1" })
    yield* c.closeChunk(0, 1_700_000_001, 0)
    yield* packet(1, size)
    yield* Effect.raceFirst(Local.marked(local), Effect.orDie(until("the operation", isReached)))
    const isStopped = isReached()
    if (isStopped) yield* Effect.orDie(until("the stop", () => closing !== undefined))
    if (closing !== undefined) yield* Fiber.join(closing)
    else yield* Scope.close(scope, Exit.void)
    const { openCount } = memory
    const next = yield* TestRelay.make({ memory })
    leadTo(next)
    yield* packet(2, size)
    yield* c.close
    yield* d.close
    yield* local.forwarded
    yield* Local.quiet(next)
    return { isStopped, openCount, tree: next.output.tree() }
  })

it.live("leaves the files that it would have left", () =>
  Effect.gen(function* () {
    const { tree } = yield* Effect.scoped(recorded(Number.POSITIVE_INFINITY))
    let isStopped = true
    let at = 1
    for (; isStopped; at++) {
      const one = yield* Effect.scoped(recorded(at))
      assert.deepStrictEqual(one.tree, tree, `at operation ${at}`)
      assert.strictEqual(one.openCount, 0, `at operation ${at}`)
      isStopped = one.isStopped
    }
    assert.isAbove(at, 30)
  })
)

/** The files of a relay that was stopped with two journals. */
const twoLeft = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const memory = new MemoryFiles({ isImmediate: false })
  const relay = yield* Scope.provide(TestRelay.make({ memory }), scope)
  for (const _ of [1, 2]) {
    const { local, packet } = yield* Local.recording(relay)
    yield* packet(0, size)
    yield* Local.marked(local)
  }
  yield* Scope.close(scope, Exit.void)
  return memory
}).pipe(Effect.scoped)

it.live("has closed all, too, if it only begins, and goes through what an earlier one has left", () =>
  Effect.gen(function* () {
    let isStopped = true
    let at = 1
    for (; isStopped; at++) {
      let beginning: Fiber.Fiber<unknown, unknown> | undefined
      const { begin, gated, isReached, memory } = stoppingAt(at, () => beginning?.interruptUnsafe(), yield* twoLeft)
      const scope = yield* Scope.make()
      begin()
      const made = Effect.runFork(Scope.provide(TestRelay.make({ memory: gated }), scope))
      beginning = made
      yield* Fiber.await(made)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(memory.openCount, 0, `at operation ${at}`)
      isStopped = isReached()
    }
    assert.isAbove(at, 30)
  })
)

/**
 * A relay that begins, interrupted before that operation of its fiber, which need not be one on files, of those while a
 * file is open.
 */
const interruptedAt = (memory: MemoryFiles, number: number) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    let count = 0
    let fiber: Fiber.Fiber<unknown, unknown> | undefined
    const begun = Scope.provide(TestRelay.make({ memory }), scope)
    fiber = yield* Effect.forkChild(
      halting(
        begun,
        () => memory.openCount > 0 && ++count === number,
        () => {
          if (count >= number) fiber?.interruptUnsafe()
        }
      )
    )
    const isInterrupted = Exit.isFailure(yield* Fiber.await(fiber))
    yield* Scope.close(scope, Exit.void)
    return isInterrupted
  })

it.live("has closed all, too, if it begins and is stopped between what it does to files", () =>
  Effect.gen(function* () {
    const { relay, stop } = yield* Local.begun(size)
    yield* stop
    let isInterrupted = true
    let at = 1
    for (; isInterrupted; at++) {
      const memory = Local.imageOf(relay.memory)
      isInterrupted = yield* interruptedAt(memory, at)
      assert.strictEqual(memory.openCount, 0, `before operation ${at}`)
    }
    assert.isAbove(at, 50)
  })
)
