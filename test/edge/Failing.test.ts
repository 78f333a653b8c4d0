/** A spool whose disk cannot be written says so, for as long as that is so. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { FileFailed, Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Spools from "./spools.ts"

it.live("while what was heard cannot be written, and not any more when it could be", () =>
  Effect.gen(function* () {
    let isBroken = true
    const { service } = new MemoryFiles()
    const files = Files.of({
      ...service,
      open: (path, mode) =>
        Effect.suspend(() =>
          isBroken ? Effect.fail(new FileFailed({ operation: "open", path, code: "EROFS" })) : service.open(path, mode)
        )
    })
    const spool = yield* Spools.make(files)
    const journal = Spools.open(spool)
    assert.isFalse(journal.isFailing)
    journal.append(Kind.control, 1)
    journal.flush()
    const isFailing = Effect.sync(() => journal.isFailing)
    yield* until("it to fail", isFailing)
    isBroken = false
    yield* until("it to be written", isFailing, (failing) => !failing)
    assert.strictEqual(journal.written, journal.last)
  })
)

it.effect("its tracers, and others, go on once what they wait for is given up", () =>
  Effect.gen(function* () {
    const { service } = new MemoryFiles()
    const open: Files["Service"]["open"] = (path) =>
      Effect.fail(new FileFailed({ operation: "open", path, code: "EROFS" }))
    const spool = yield* Spools.make({ ...service, open })
    const journal = Spools.open(spool)
    const bytes = Buffer.alloc(9 * 1024 * 1024)
    journal.append(Kind.packet, 1, { bytes, from: 0, to: bytes.length })
    const told: Array<string> = []
    for (const what of ["answer", "end"]) journal.whenWritten(() => void told.push(what))
    assert.isFalse(spool.hasRoom)
    spool.whenRoom(() => void told.push("room"))
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
