/** Who waits for a journal to grow is called once, unless it has left; and the others are. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Kind } from "../../src/protocol/journal/Record.ts"
import * as Spools from "./spools.ts"

it.live("who no longer waits for more of a journal is not called, the others are", () =>
  Effect.gen(function* () {
    const { journal } = yield* Spools.begin()
    const called: Array<string> = []
    const waiting = ["first", "second", "third"].map((name) => () => void called.push(name))
    for (const then of waiting) journal.writing.growth.when(then)
    journal.writing.growth.forget(waiting[1] ?? assert.fail())
    // Of one that does not wait.
    journal.writing.growth.forget(() => {})
    journal.append(Kind.data, 2)
    yield* Spools.written(journal)
    assert.deepStrictEqual(called, ["first", "third"])
    journal.append(Kind.data, 3)
    yield* Spools.written(journal)
    assert.strictEqual(called.length, 2)
  })
)

it.live("who waits for a record is not told of those before it", () =>
  Effect.gen(function* () {
    const { journal } = yield* Spools.begin()
    const wanted = journal.last + 2
    const beyond = yield* Effect.forkChild(journal.writing.beyond(wanted - 1), { startImmediately: true })
    journal.append(Kind.data, 2)
    yield* Spools.written(journal)
    assert.isUndefined(beyond.pollUnsafe())
    journal.append(Kind.data, 3)
    yield* Spools.written(journal)
    yield* Fiber.join(beyond)
    assert.strictEqual(journal.written, wanted)
  })
)
