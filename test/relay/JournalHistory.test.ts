/** What is put down of an edge's journal, where the disk refuses a part of it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Local from "../edge/Local.ts"

const payloadBytes = 64

describe("a journal of which nothing can be put down", () => {
  for (const path of [".json", ".changes", ".history"]) {
    it.live(`is carried out all the same, and leaves no descriptor, when ${path} cannot be made`, () =>
      Effect.gen(function* () {
        const relay = yield* TestRelay.make()
        relay.faults.fail({ code: "EACCES", operation: "open", path })
        const opened = () => relay.faults.openCount
        assert.strictEqual(opened(), 0)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { packet, path: file } = yield* Local.recording(relay)
            yield* packet(0, payloadBytes)
            yield* until("the packet", () => relay.output.size(file) === payloadBytes)
          })
        )
        yield* relay.relay.sessions.pipe(
          Effect.flatMap((all) => Effect.forEach(all, ({ id }) => relay.relay.endSession(id)))
        )
        yield* until("the session to end", relay.relay.sessions, (sessions) => sessions.length === 0)
        yield* until("all files to be closed", () => opened() === 0)
      })
    )
  }
})
