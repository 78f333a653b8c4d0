/** Segments that are sent are written over by the next ones: a bounded number of them, of all journals together. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { FaultyFiles } from "../../src/storage/FaultyFiles.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { turns, until } from "../support/turns.ts"
import * as Spools from "./spools.ts"

const recordBytes = 64 * 1024
const record = { bytes: Buffer.alloc(recordBytes), from: 0, to: recordBytes }

it.live("each journal has them, however many there were before it", () =>
  Effect.gen(function* () {
    const memory = new MemoryFiles()
    const spool = yield* Spools.make(memory.service)
    const spareCount = () => memory.paths("/spool").filter((path) => path.endsWith(".spare")).length
    for (let count = 0; count < 20; count++) {
      const journal = Spools.open(spool, `key ${count}`)
      for (let at = 0; at < 100; at++) {
        journal.append(Kind.rest, 0, record)
        journal.writing.flush()
        yield* Spools.written(journal)
      }
      yield* journal.acknowledge(journal.last, journal.last)
      assert.isAbove(spareCount(), 0, `journal ${count}`)
      yield* spool.remove(journal)
      assert.strictEqual(spareCount(), 0)
    }
  })
)

it.live("one is kept, or removed, whatever becomes of who heard that the relay has it", () =>
  Effect.gen(function* () {
    const memory = new MemoryFiles()
    const faults = new FaultyFiles(memory.service)
    const spool = yield* Spools.make(faults.service)
    const journal = Spools.open(spool, "key")
    for (let at = 0; at < 40; at++) {
      journal.append(Kind.rest, 0, record)
      journal.writing.flush()
      yield* Spools.written(journal)
    }
    const goOn = faults.stall(".journal")
    const heard = yield* Effect.forkChild(journal.acknowledge(journal.last, journal.last))
    yield* until("a segment to be freed", () => faults.stalledCount > 0)
    const gone = yield* Effect.forkChild(Fiber.interrupt(heard))
    yield* turns(20)
    yield* goOn
    yield* Fiber.join(gone)
    yield* spool.remove(journal)
    assert.strictEqual(memory.openCount, 0)
    assert.strictEqual(spool.byteCount, 0)
  })
)
