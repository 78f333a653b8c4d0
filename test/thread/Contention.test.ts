/** Whether processors are short, told by a clock and signs of the test's own. */
import { assert, it } from "@effect/vitest"
import { Contention } from "../../src/thread/Contention.ts"

const make = () => {
  const machine = { millis: 0, waitedMillis: 0, runnableCount: 1, lookCount: 0 }
  const signs = {
    waitedNanos: () => {
      machine.lookCount++
      return machine.waitedMillis * 1e6
    },
    runnableCount: () => machine.runnableCount,
    processorCount: 2
  }
  const contention = new Contention(signs, () => machine.millis)
  const pass = (millis: number, waitShare: number, runnableCount = 1) => {
    machine.millis += millis
    machine.waitedMillis += millis * waitShare
    machine.runnableCount = runnableCount
    return contention.isShort()
  }
  return { machine, pass }
}

it("they are while the thread waits for much of its time, and not when it no longer does", () => {
  const { pass } = make()
  assert.isFalse(pass(0, 0))
  assert.isFalse(pass(60, 0.05))
  assert.isTrue(pass(60, 0.5))
  assert.isTrue(pass(60, 0.5))
  assert.isFalse(pass(60, 0))
})

it("they are while others wait, although the thread itself never does, since its priority is high", () => {
  const { pass } = make()
  assert.isFalse(pass(0, 0, 2))
  assert.isFalse(pass(60, 0, 2), "one for each processor")
  assert.isFalse(pass(60, 0, 3), "once may be by chance")
  assert.isTrue(pass(60, 0, 3))
  assert.isTrue(pass(60, 0, 3))
  assert.isFalse(pass(60, 0, 2))
})

it("a time in which nobody asked says nothing of now", () => {
  const { pass } = make()
  pass(0, 0)
  assert.isTrue(pass(60, 0.9))
  assert.isTrue(pass(10_000, 0))
  assert.isFalse(pass(60, 0))
  assert.isFalse(pass(10_000, 0.9))
  assert.isFalse(pass(10_000, 0, 9))
  assert.isTrue(pass(60, 0, 9))
})

it("the system is asked no more often than its answer changes", () => {
  const { machine, pass } = make()
  pass(0, 0)
  for (let look = 0; look < 1000; look++) pass(1, 0.5)
  assert.isAtLeast(machine.lookCount, 10)
  assert.isAtMost(machine.lookCount, 21)
})

it("one sign is enough where the system gives no other", () => {
  const machine = { millis: 0 }
  const now = () => (machine.millis += 60)
  const waitedNanos = () => (machine.millis / 2) * 1e6
  const silent = () => undefined
  const waiting = new Contention({ waitedNanos, runnableCount: silent, processorCount: 2 }, now)
  const crowded = new Contention({ waitedNanos: silent, runnableCount: () => 4, processorCount: 2 }, now)
  for (const contention of [waiting, crowded]) {
    assert.isFalse(contention.isShort())
    assert.isTrue(contention.isShort())
  }
})

it("a system that does not say has processors enough, and is not asked again", () => {
  const machine = { millis: 0, lookCount: 0 }
  const silent = () => {
    machine.lookCount++
    return undefined
  }
  const signs = { waitedNanos: silent, runnableCount: silent, processorCount: 2 }
  const contention = new Contention(signs, () => (machine.millis += 60))
  for (let look = 0; look < 5; look++) assert.isFalse(contention.isShort())
  assert.strictEqual(machine.lookCount, 2)
})
