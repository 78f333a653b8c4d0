/** Streams that are closed are not held, whatever else is asked of their session. */
import { assert, it } from "@effect/vitest"
import * as TargetChunks from "../../src/target/TargetChunks.ts"

class Stream {
  readonly _tag = "Data"
  isOpenNow = true
  readonly isOpen = () => this.isOpenNow
}

it("applications that come and go leave no streams", () => {
  const streams = TargetChunks.makeStreams()
  const add = () => streams.add(new Stream() as never) as unknown as Stream
  const first = add()
  for (let count = 0; count < 1000; count++) {
    add().isOpenNow = false
    assert.isAtMost(streams.count(), 33)
  }
  assert.deepStrictEqual(streams.open() as ReadonlyArray<unknown>, [first])
  assert.strictEqual(streams.count(), 1)
})
