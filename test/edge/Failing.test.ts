/** A spool whose disk cannot be written says so, for as long as that is so. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { FaultyFiles } from "../../src/storage/FaultyFiles.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Spools from "./spools.ts"

it.live("while what was heard cannot be written, and not any more when it could be", () =>
  Effect.gen(function* () {
    const faults = new FaultyFiles(new MemoryFiles().service)
    const mend = faults.fail({ operation: "open", code: "EROFS" })
    const spool = yield* Spools.make(faults.service)
    const journal = Spools.open(spool)
    assert.isFalse(journal.writing.isFailing)
    journal.append(Kind.control, 1)
    journal.writing.flush()
    const isFailing = Effect.sync(() => journal.writing.isFailing)
    yield* until("it to fail", isFailing)
    mend()
    yield* until("it to be written", isFailing, (failing) => !failing)
    assert.strictEqual(journal.written, journal.last)
  })
)

it.effect("its tracers, and others, go on once what they wait for is given up", () =>
  Effect.gen(function* () {
    const faults = new FaultyFiles(new MemoryFiles().service)
    faults.fail({ operation: "open", code: "EROFS" })
    const spool = yield* Spools.make(faults.service)
    const journal = Spools.open(spool)
    const bytes = Buffer.alloc(9 * 1024 * 1024)
    journal.append(Kind.packet, 1, { bytes, from: 0, to: bytes.length })
    const told: Array<string> = []
    for (const what of ["answer", "end"]) journal.whenWritten(() => void told.push(what))
    assert.isFalse(spool.holding.hasRoom)
    spool.holding.whenRoom(() => void told.push("room"))
    journal.cut()
    const abandoned = yield* Effect.forkChild(spool.abandon(journal, "as a test"))
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(told, [])
    yield* TestClock.adjust("10 seconds")
    yield* Fiber.join(abandoned)
    assert.deepStrictEqual(told, ["answer", "end", "room"])
    journal.whenWritten(() => void told.push("what is asked later"))
    assert.strictEqual(told.length, 4)
    assert.deepStrictEqual([spool.memory.unwrittenBytes, spool.memory.usedBytes], [0, 0])
  })
)
