/** What is put down of an edge's journal, where the disk refuses a part of it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as JournalHistory from "../../src/relay/journal/JournalHistory.ts"
import * as JournalsLeft from "../../src/relay/journal/JournalsLeft.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Local from "../edge/Local.ts"
import { output, withStore } from "../storage/stores.ts"

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

describe("directories of a journal", () => {
  it.live("are watched for as long as they are put down, and again when somebody records there again", () =>
    withStore({}, ({ store }) =>
      Effect.gen(function* () {
        const history = yield* JournalHistory.begin(store, "token", { edgeName: "edge", peer: "" }, false)
        const [watch] = store.retraceable.watches
        const all = Array.from({ length: 1000 }, (_, index) => `host/session/ust/pid/app-${index}`)
        for (const path of all) history.watch(path)
        assert.strictEqual(watch?.prefixes.size, all.length)
        const left = { kind: JournalHistory.path, connection: 0, bytes: Buffer.from("host/session/ust/pid/app-7") }
        yield* history.mark(1, undefined, () => ({ entries: [left], onDone: () => {} }))
        assert.deepStrictEqual([...(watch?.prefixes ?? [])], [`${output}/host/session/ust/pid/app-7`])
        history.watch("host/session/ust/pid/app-8")
        yield* history.mark(2)
        const found = yield* JournalsLeft.find(store, "token", false)
        assert.deepStrictEqual([...(found?.places ?? [])].sort(), [all[7], all[8]])
      })
    )
  )
})
