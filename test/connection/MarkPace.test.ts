/** When a journal is marked, and that a later time which was asked for does not hold back an earlier one. */
import { assert, it, vi } from "@effect/vitest"
import { Alarm, MarkPace } from "../../src/connection/journal/MarkPace.ts"
import { clockMillis } from "../../src/Machine.ts"

it("is due sooner where much came, which is less of a small spool", () => {
  const pace = new MarkPace()
  pace.marked(clockMillis(), false)
  const late = pace.dueAt()
  assert.strictEqual(pace.dueAt(), late)
  pace.add(128 * 1024)
  assert.strictEqual(pace.dueAt(), late)
  assert.closeTo(late - pace.dueAt(1024 * 1024), 750, 0.001)
  pace.add(896 * 1024)
  assert.isBelow(pace.dueAt(1024 * 1024), clockMillis(), "the spool is full")
  assert.closeTo(late - pace.dueAt(1024 * 1024 + 1), 750, 0.001)
  pace.isAsked = true
  assert.isBelow(pace.dueAt(), clockMillis())
})

it("an alarm rings at the earliest time, whatever it was set to first", async () => {
  await new Promise<void>((resolve) => {
    const alarm = new Alarm(resolve)
    alarm.at(clockMillis() + 3_600_000)
    alarm.at(clockMillis() + 1)
  })
})

it("an alarm whose time has come meanwhile rings, and the runtime has nothing to warn of", async () => {
  const timer = vi.spyOn(globalThis, "setTimeout")
  try {
    await new Promise<void>((resolve) => new Alarm(resolve).at(clockMillis() - 3))
    assert.deepStrictEqual(
      timer.mock.calls.filter(([, millis = 0]) => millis < 0),
      []
    )
  } finally {
    timer.mockRestore()
  }
})
