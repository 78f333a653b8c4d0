/** A stop that comes at any moment of a start is obeyed. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Process from "../support/process.ts"
import * as Daemons from "./daemons.ts"

const delaysMillis = [100, 200, 300, 400, 500, 600, 700, 800, 1000, 1200]

describe("SIGTERM while the daemon starts", () => {
  for (const delay of delaysMillis) {
    it.live(`after ${delay} ms ends it`, () =>
      Effect.gen(function* () {
        const at = yield* Daemons.place
        const running = yield* Daemons.start("ours", at, at.urls)
        yield* Effect.sleep(`${delay} millis`)
        running.signal("SIGTERM")
        const { code } = yield* running.ended
        // Before the first line of the program the runtime ends by the signal.
        assert.include([0, null], code)
        yield* Process.until("its ports to be free", () => !Daemons.listening(at))
      })
    )
  }
})
