/** What is remembered of connections that ended. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Connections } from "../../src/relay/Connections.ts"

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

it.live("the last 256 that ended are known, and of others nothing is kept", () =>
  Effect.gen(function* () {
    let last = 0
    const kept: Array<WeakRef<object>> = []
    const connections = new Connections({ next: () => ++last })
    for (let count = 0; count < 2000; count++) {
      const connection = connections.open("data", "peer")
      kept.push(new WeakRef(connection))
      connections.close(connection, "peer closed")
    }
    const newest = Array.from({ length: 256 }, (_, at) => 2000 - 255 + at)
    assert.deepStrictEqual(
      connections.closed.map(({ id }) => id),
      newest
    )
    // Not before the next turn may what was referred to in this one be gone.
    yield* Effect.sleep(1)
    collectGarbage()
    assert.isBelow(kept.filter((reference) => reference.deref() !== undefined).length, 600)
  })
)
