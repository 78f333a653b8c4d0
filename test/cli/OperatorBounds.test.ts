/** What does not answer as a relay's operator port does: it has no end of an answer, or none. */
import { createServer, type RequestListener } from "node:http"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import * as Operator from "../../src/cli/operator/Operator.ts"
import { until } from "../../src/testing/Waiting.ts"
import { listening } from "../support/listening.ts"

const none = Option.none()

const overviewOf = (port: number) => {
  const input = { url: `http://127.0.0.1:${port}`, tokenFile: none, tlsCa: none, tlsCert: none, tlsKey: none }
  return Operator.withClient({ ...input, tlsName: none }, ({ relay }) => relay.overview({ query: {} }))
}

const serving = (answer: RequestListener) => listening(createServer(answer))

it.live("an answer without an end is given up before memory is", () =>
  Effect.gen(function* () {
    const blank = Buffer.alloc(1024 * 1024, " ")
    let blankCount = 0
    const port = yield* serving((_, response) => {
      const more = () => {
        // A client that has no bound is told the end, so that this test has one.
        if (++blankCount === 512) return response.end("[]")
        if (response.write(blank)) setImmediate(more)
        else response.once("drain", more)
      }
      response.setHeader("content-type", "application/json")
      more()
    })
    const { message } = yield* Effect.flip(overviewOf(port))
    assert.match(message, /does not answer as a relay does/)
    assert.isBelow(blankCount, 200)
  })
)

it.effect.each(["an answer", "the rest of an answer"])("%s that does not come is waited for a minute", (what) =>
  Effect.gen(function* () {
    let askedCount = 0
    const port = yield* serving((_, response) => {
      askedCount++
      response.setHeader("content-type", "application/json")
      if (what !== "an answer") response.write("[")
    })
    const asked = yield* Effect.forkChild(Effect.flip(overviewOf(port)))
    yield* until("the question", () => askedCount === 1)
    yield* TestClock.adjust("59 seconds")
    assert.isUndefined(asked.pollUnsafe())
    yield* TestClock.adjust("1 second")
    assert.match((yield* Fiber.join(asked)).message, /does not answer as a relay does: .*no answer in time/)
  })
)
