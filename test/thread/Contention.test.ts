/** Whether processors are short, told by a clock and a waiting time of the test's own. */
import { assert, it } from "@effect/vitest"
import { Contention } from "../../src/thread/Contention.ts"

const make = () => {
  const machine = { millis: 0, waitedMillis: 0, lookCount: 0 }
  const contention = new Contention(
    () => {
      machine.lookCount++
      return machine.waitedMillis * 1e6
    },
    () => machine.millis
  )
  const pass = (millis: number, waitShare: number) => {
    machine.millis += millis
    machine.waitedMillis += millis * waitShare
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

it("a time in which nobody asked says nothing of now", () => {
  const { pass } = make()
  pass(0, 0)
  assert.isTrue(pass(60, 0.9))
  assert.isTrue(pass(10_000, 0))
  assert.isFalse(pass(60, 0))
  assert.isFalse(pass(10_000, 0.9))
})

it("the system is asked no more often than its answer changes", () => {
  const { machine, pass } = make()
  pass(0, 0)
  for (let look = 0; look < 1000; look++) pass(1, 0.5)
  assert.isAtLeast(machine.lookCount, 10)
  assert.isAtMost(machine.lookCount, 21)
})

it("a system that does not say has processors enough, and is not asked again", () => {
  const machine = { millis: 0, lookCount: 0 }
  const contention = new Contention(
    () => {
      machine.lookCount++
      return undefined
    },
    () => (machine.millis += 60)
  )
  for (let look = 0; look < 5; look++) assert.isFalse(contention.isShort())
  assert.strictEqual(machine.lookCount, 1)
})
