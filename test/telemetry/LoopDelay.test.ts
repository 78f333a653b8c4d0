/** How late the loop was is told to each who asks since it asked last, whoever else has asked meanwhile. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Ports from "../admin/ports.ts"

const blockMillis = 300

const block = () => {
  const until = performance.now() + blockMillis
  while (performance.now() < until);
}

it.live("an operator, a probe and two collectors do not take it from each other", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const { client, url } = yield* Ports.start()
      const get = (path: string, accept = "text/plain") =>
        Effect.promise(() => fetch(`${url}${path}`, { headers: { accept } }).then((answer) => answer.text()))
      const scraped = (accept?: string) =>
        Effect.map(get("/metrics", accept), (text) =>
          Number(/^lttng_relay_event_loop_delay_seconds\{statistic="max"\} (.+)$/m.exec(text)?.[1])
        )
      const read = Effect.map(client.relay.process(), ({ loopDelay }) => loopDelay.max)
      const readings = [read, scraped(), scraped("application/openmetrics-text; version=1.0.0")]
      const all = Effect.forEach(readings, (reading) => reading)
      yield* all
      // A timer has to be due, and to be late.
      yield* Effect.sleep("50 millis")
      block()
      yield* Effect.sleep("50 millis")
      yield* get("/readyz")
      const delays = yield* all
      for (const delay of delays) assert.isAbove(delay, blockMillis / 2 / 1000)
      assert.isBelow(yield* read, delays[0] ?? 0, "since that reading")
    })
  )
)
