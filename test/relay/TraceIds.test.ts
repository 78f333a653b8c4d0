/** A trace is one for as long as one of its streams is open; applications that are gone leave nothing. */
import { assert, it } from "@effect/vitest"
import { TraceIds } from "../../src/relay/session/TraceIds.ts"

it("streams of one directory have one id while one of them is open", () => {
  let last = 0n
  const ids = new TraceIds(() => ++last)
  assert.deepStrictEqual([ids.enter("a"), ids.enter("b"), ids.enter("a")], [1n, 2n, 1n])
  ids.leave("a")
  assert.strictEqual(ids.enter("a"), 1n)
  for (const path of ["a", "a", "b", "unknown"]) ids.leave(path)
  assert.strictEqual(ids.size, 0)
  assert.strictEqual(ids.enter("a"), 3n)
})
