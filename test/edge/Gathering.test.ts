/** What a journal was told waits for company before it is written; what a tracer waits for does not. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Spools from "./spools.ts"

const ofBytes = (length: number) => ({ bytes: Buffer.alloc(length), from: 0, to: length })
const little = ofBytes(1000)

const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

it.live("part of a packet waits for more of it, and what is between packets until the turn is over", () =>
  Effect.gen(function* () {
    const { journal } = yield* Spools.begin()
    const { last } = journal
    journal.append(Kind.packet, 1, little)
    journal.writing.flushSoon(true)
    yield* turn
    assert.strictEqual(journal.written, last)
    journal.append(Kind.rest, 1, little)
    journal.writing.flushSoon(false)
    yield* journal.writing.beyond(last + 1)
    assert.strictEqual(journal.written, journal.last)
    // The next turn is one of its own, once that is written.
    yield* turn
    journal.append(Kind.rest, 1, little)
    journal.writing.flushSoon(false)
    yield* until("it to be written", () => journal.written === journal.last)
  })
)

it.live("an answer does not wait", () =>
  Effect.gen(function* () {
    const { journal } = yield* Spools.begin()
    journal.append(Kind.packet, 1, little)
    journal.writing.flushSoon(true)
    yield* Spools.written(journal)
    assert.strictEqual(journal.written, journal.last)
  })
)

it.live("what is much does not wait, nor anything while much waits in other journals", () =>
  Effect.gen(function* () {
    const { journal, spool } = yield* Spools.begin()
    for (let count = 0; count < 2; count++) {
      journal.append(Kind.packet, 1, ofBytes(128 * 1024))
      journal.writing.flushSoon(true)
    }
    yield* journal.writing.beyond(journal.last - 1)
    spool.memory.unwrittenBytes += 5 * 1024 * 1024
    journal.append(Kind.rest, 1, little)
    journal.writing.flushSoon(true)
    yield* journal.writing.beyond(journal.last - 1)
  })
)
