/** What a journal was told waits for company before it is written; what a tracer waits for does not. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Spool from "../../src/edge/spool/Spool.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"

const ofBytes = (length: number) => ({ bytes: Buffer.alloc(length), from: 0, to: length })
const little = ofBytes(1000)

const begun = Effect.gen(function* () {
  const spool = yield* Spool.make({
    files: new MemoryFiles().service,
    directory: "/spool",
    bytesMax: 64 * 1024 * 1024,
    isSynced: false,
    policyOf: () => "hold",
    ageMillisMax: undefined
  })
  const journal = spool.open({ key: "key", name: "h/s", createdMillis: 0 })
  journal.append(Kind.control, 1)
  yield* Effect.callback<void>((resume) => journal.whenWritten(() => resume(Effect.void)))
  return { spool, journal }
})

it.live("part of a packet waits for more of it, and what is between packets until the turn is over", () =>
  Effect.gen(function* () {
    const { journal } = yield* begun
    const { last } = journal
    journal.append(Kind.packet, 1, little)
    journal.flushSoon(true)
    yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
    assert.strictEqual(journal.written, last)
    journal.append(Kind.rest, 1, little)
    journal.flushSoon(false)
    yield* journal.beyond(last + 1)
    assert.strictEqual(journal.written, journal.last)
  })
)

it.live("an answer does not wait", () =>
  Effect.gen(function* () {
    const { journal } = yield* begun
    journal.append(Kind.packet, 1, little)
    journal.flushSoon(true)
    yield* Effect.callback<void>((resume) => journal.whenWritten(() => resume(Effect.void)))
    assert.strictEqual(journal.written, journal.last)
  })
)

it.live("what is much does not wait, nor anything while much waits in other journals", () =>
  Effect.gen(function* () {
    const { journal, spool } = yield* begun
    for (let count = 0; count < 2; count++) {
      journal.append(Kind.packet, 1, ofBytes(128 * 1024))
      journal.flushSoon(true)
    }
    yield* journal.beyond(journal.last - 1)
    spool.memory.unwrittenBytes += 5 * 1024 * 1024
    journal.append(Kind.rest, 1, little)
    journal.flushSoon(true)
    yield* journal.beyond(journal.last - 1)
  })
)
