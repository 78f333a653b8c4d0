/** What is shown of a session that a relay tells again, after it was lost. */
import { assert, it } from "@effect/vitest"
import type { ViewedStream } from "../../src/viewer/LiveViewer.ts"
import { Shown } from "../../src/viewer/Shown.ts"

const uuid = Uint8Array.from([1, 2])
const stream = (channel: string, sessionId = 1n): ViewedStream => ({
  id: 1n,
  sessionId,
  traceId: 1n,
  isMetadata: false,
  path: "ust/uid/0/64-bit",
  channel
})
const at = (low: number) => ({ high: 0, low })

const shownOf = (shown: Shown, viewed: ViewedStream, times: ReadonlyArray<number>, trace = uuid) =>
  times.filter((low) => shown.isNew(at(low), viewed, trace))

it("of two streams, one of which had not come as far, is shown what was not", () => {
  const shown = new Shown(true)
  assert.deepStrictEqual(shownOf(shown, stream("a_0"), [5, 10]), [5, 10])
  assert.deepStrictEqual(shownOf(shown, stream("a_1"), [4]), [4])
  shown.asksAgain()
  assert.deepStrictEqual(shownOf(shown, stream("a_0", 7n), [5, 10, 11]), [11])
  assert.deepStrictEqual(shownOf(shown, stream("a_1", 7n), [4, 6, 9]), [6, 9])
  assert.deepStrictEqual(shownOf(shown, stream("a_2", 7n), [1]), [1])
  assert.deepStrictEqual(shownOf(shown, stream("a_0", 8n), [7], Uint8Array.from([3])), [7])
})

it("what came late over the first connection takes nothing back", () => {
  const shown = new Shown(true)
  shownOf(shown, stream("a_0"), [5, 10, 7])
  shown.asksAgain()
  assert.deepStrictEqual(shownOf(shown, stream("a_0"), [5, 7, 10]), [])
})

it("what was before one began to watch stays out, of quiet streams too", () => {
  const shown = new Shown(false)
  shownOf(shown, stream("a_0"), [5])
  shown.asksAgain()
  assert.deepStrictEqual(shownOf(shown, stream("a_0"), [1, 5, 6]), [6])
  assert.deepStrictEqual(shownOf(shown, stream("a_1"), [1, 6]), [6])
})

it("a session that has ended is forgotten", () => {
  const shown = new Shown(true)
  shownOf(shown, stream("a_0"), [5])
  shown.ended(1n)
  shown.asksAgain()
  assert.deepStrictEqual(shownOf(shown, stream("a_0", 2n), [5]), [5])
})

it("of streams that have ended only the newest are known, in a session that goes on", () => {
  const shown = new Shown(true)
  for (let number = 0; number < 5000; number++) {
    const viewed = stream(`app-${number}`)
    // Some end before anything of them is due.
    if (number % 2 === 0) shown.streamEnded(viewed)
    shownOf(shown, viewed, [number])
    if (number % 2 === 1) shown.streamEnded(viewed)
  }
  shownOf(shown, stream("goes on"), [1])
  assert.strictEqual(shown.size, 4097)
  shown.asksAgain()
  assert.deepStrictEqual(shownOf(shown, stream("app-4999", 7n), [4999, 5000]), [5000])
  shown.ended(7n)
  shown.ended(1n)
  assert.strictEqual(shown.size, 0)
})
