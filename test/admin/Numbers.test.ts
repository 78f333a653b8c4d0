/** What tracers say in numbers may be any: the operator's port goes on to show all sessions. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Ports from "./ports.ts"

const largest = 2n ** 64n - 1n

it.live("indexes that tell of absurd losses are shown as large ones, of one stream and of all together", () =>
  Effect.gen(function* () {
    const relay = yield* Ports.start()
    const script = relay.script()
    const get = (path: string) =>
      Effect.promise(async () => {
        const answer = await fetch(`${relay.url}${path}`)
        assert.strictEqual(answer.status, 200, path)
        return answer.text()
      })
    for (const name of ["one", "other"]) {
      const { c, d } = yield* script.recording({ name, basePath: name })
      for (const channel of ["open", "closed"]) {
        const stream = yield* c.addStream({ channel })
        for (const [seq, packetSeq] of [
          [0, 0n],
          [1, largest]
        ] as const) {
          yield* d.packet(stream, seq)
          yield* c.index(stream, { seq, packetSeq, discarded: largest })
        }
        if (channel === "closed") yield* c.closeStream(stream, 1)
      }
    }
    const texts = [yield* get("/api/v1/sessions"), yield* get("/api/v1/counters")]
    for (const name of ["eventsDiscarded", "packetsLost"]) {
      const told = texts.map((text) =>
        [...text.matchAll(new RegExp(`"${name}":(\\d+)`, "g"))].map(([, value]) => value)
      )
      const counts = [Array.from({ length: 4 }, () => String(Number(largest))), [String(4 * Number(largest))]]
      assert.deepStrictEqual(told, counts, name)
    }
    yield* get("/metrics")
    yield* get("/api/v1/overview")
  })
)
