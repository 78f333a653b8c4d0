/** The numbers of a journal's records: each is kept once, and the relay has all when it has what tracers said. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { checksums } from "../../src/edge/journal/Checksums.ts"
import type { Journal } from "../../src/edge/journal/Journal.ts"
import { headBytes, Kind, offsets, seal } from "../../src/protocol/journal/Record.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Spools from "./spools.ts"

const take = (journal: Journal, number: number, isLast = false) => {
  const bytes = Buffer.alloc(headBytes + 4)
  seal(bytes, 0, { number, byteCount: 4, kind: Kind.command, connection: 1 }, checksums)
  journal.take(number, isLast, bytes, 0, bytes.length)
}

/** Of all records in the spool's files. */
const numbersIn = (files: MemoryFiles): ReadonlyArray<number> =>
  files
    .paths("/spool")
    .filter((path) => path.endsWith(".journal"))
    .flatMap((path) => {
      const bytes = Buffer.from(files.read(path) ?? [])
      const numbers: Array<number> = []
      for (let at = 0; at + headBytes <= bytes.length; at += headBytes + bytes.readUInt32BE(at + offsets.byteCount)) {
        numbers.push(Number(bytes.readBigUInt64BE(at + offsets.number)))
      }
      return numbers
    })

it.live("what another edge brings twice, or behind its end, is kept once", () =>
  Effect.gen(function* () {
    const files = new MemoryFiles()
    const spool = yield* Spools.make(files.service)
    const journal = spool.pass("0".repeat(32), { key: "key", name: "h/s", createdMillis: 0, from: "before" }, 0)
    for (const number of [1, 2, 2, 1, 4]) take(journal, number)
    take(journal, 5, true)
    take(journal, 6)
    yield* Spools.written(journal)
    assert.deepStrictEqual(numbersIn(files), [1, 2, 4, 5])
  })
)

it.live("after a crash a journal goes on behind what the relay has, and never before its own end", () =>
  Effect.gen(function* () {
    const files = new MemoryFiles()
    yield* Effect.scoped(Spools.begin(files.service))
    const spool = yield* Spools.make(files.service)
    let prepared = Effect.void
    spool.onJournal = (_journal, before) => {
      prepared = before
    }
    yield* spool.recover
    yield* prepared
    const [journal = assert.fail()] = spool.journals.values()
    const { last } = journal
    assert.isAbove(last, 1, "that its tracer is gone was added")
    journal.overtaken(1)
    assert.strictEqual(journal.last, last)
    journal.overtaken(last + 5)
    assert.strictEqual(journal.last, last + 6)
  })
)

it.live("the relay has carried out a journal when it was given all that tracers said, not before", () =>
  Effect.gen(function* () {
    const journal = Spools.open(yield* Spools.make())
    const connection = journal.join(Kind.control)
    journal.append(Kind.command, connection)
    const said = journal.last
    yield* journal.acknowledge(said, 0)
    assert.isFalse(journal.isCarriedOut, "its tracer is there")
    journal.append(Kind.command, connection)
    journal.leave(connection, false)
    assert.isFalse(journal.isCarriedOut)
    yield* journal.acknowledge(said + 1, 0)
    assert.isTrue(journal.isCarriedOut)
  })
)
