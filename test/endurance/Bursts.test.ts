import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Peers from "../support/peers.ts"
import { burst, missing } from "./bursts.ts"

/** `node test/endurance/burst.ts` has more. */
Peers.describeWithPeers(Peers.tracing, "a burst before an edge and a slow link", () => {
  it.live.skipIf(missing() !== undefined)("keeps nobody waiting but the relay, which has all of it in its time", () =>
    Effect.gen(function* () {
      const [megabytes, megabitsPerSecond] = [6, 8]
      const outcome = yield* burst({ megabytes, megabitsPerSecond, edge: ["--compress=off"] })
      const linkSeconds = (megabytes * 8) / megabitsPerSecond
      // Most of it was still here when the tracer was let go.
      assert.isAbove(outcome.arriving, linkSeconds / 2)
      assert.isBelow(outcome.stopping + outcome.destroying, linkSeconds / 2)
    })
  )
})
