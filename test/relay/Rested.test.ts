/** Whether what a journal's files are is the relay's own doing, if it expired behind its last mark. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Away from "../../src/relay/journal/Away.ts"
import * as JournalFiles from "../../src/relay/journal/JournalFiles.ts"
import * as Rested from "../../src/relay/journal/Rested.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"

const directory = "/traces/h/s-1"

/** The edge is away, and its journal has expired, of a session with one file. */
const expired = Effect.gen(function* () {
  const memory = new MemoryFiles()
  const store = { output: "/traces", retraceable: { plain: memory.service } } as unknown as JournalFiles.Store
  memory.write(`${directory}/ch_0`, Buffer.alloc(8))
  yield* Away.note(store, "t", { sinceMillis: 1, received: 7 })
  yield* JournalFiles.say(store, "t", "expired", false)
  const isAsNoted = Rested.isAsNoted(store, "t", [directory])
  return { memory, store, isAsNoted }
})

it.effect("it is once that was noted, until somebody changes them", () =>
  Effect.gen(function* () {
    const { isAsNoted, memory, store } = yield* expired
    yield* Rested.note(store, "t", [directory])
    assert.isTrue(yield* isAsNoted)
    memory.write(`${directory}/ch_0`, Buffer.alloc(7))
    assert.isFalse(yield* isAsNoted)
  })
)

it.effect("it is if the relay was killed before it could note it, but not where it knows of others' changes", () =>
  Effect.gen(function* () {
    const { isAsNoted, store } = yield* expired
    assert.isTrue(yield* isAsNoted)
    yield* Away.forget(store, "t")
    assert.isFalse(yield* isAsNoted)
  })
)

it.effect("an edge that is back leaves nothing that says so of the next time", () =>
  Effect.gen(function* () {
    const { memory, store } = yield* expired
    yield* JournalFiles.revive(store, "t")
    assert.deepStrictEqual(
      memory.paths("/traces").filter((path) => !path.startsWith(directory) && !path.endsWith("/")),
      []
    )
  })
)
