/** A spool whose disk cannot be written says so, for as long as that is so. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Latch } from "effect"
import { TestClock } from "effect/testing"
import { reading } from "../../src/edge/journal/Segment.ts"
import * as Spool from "../../src/edge/spool/Spool.ts"
import { headBytes, Kind } from "../../src/protocol/journal/Record.ts"
import { FaultyFiles } from "../../src/storage/FaultyFiles.ts"
import { FileFailed, type Files } from "../../src/storage/Files.ts"
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

/** A journal of one record on a mount that can be gone, and there again: what was open before fails for good. */
const mounted = Effect.gen(function* () {
  const memory = new MemoryFiles()
  const files = memory.service
  let mount = 0
  let lookCount = 0
  const size: Files["Service"]["size"] = (path) =>
    Effect.suspend(() => {
      lookCount++
      return files.size(path)
    })
  const gone = Effect.fail(new FileFailed({ operation: "write", path: "/spool", code: "ENOTCONN" }))
  const open: Files["Service"]["open"] = (path, mode) =>
    Effect.map(files.open(path, mode), (file) => {
      const own = mount
      const unless = <A>(act: Effect.Effect<A, FileFailed>) =>
        Effect.suspend((): Effect.Effect<A, FileFailed> => (own === mount ? act : gone))
      return {
        ...file,
        isPrompt: () => false,
        write: (buffers, position) => unless(file.write(buffers, position)),
        read: (into, position) => unless(file.read(into, position)),
        truncate: (size) => unless(file.truncate(size)),
        sync: unless(file.sync),
        close: file.close
      }
    })
  const { journal } = yield* Spools.begin({ ...files, open, size })
  const path = memory.paths("/spool").find((each) => each.endsWith(".journal")) ?? assert.fail()
  /** Mounts it again; the journal has one more record to write. */
  const again = () => {
    mount++
    journal.append(Kind.control, 2)
    journal.writing.flush()
  }
  return { again, journal, lookedAt: until("several looks", () => lookCount > 2), memory, path }
})

it.live("goes on by itself when it is mounted again", () =>
  Effect.gen(function* () {
    const { again, journal, memory, path } = yield* mounted
    again()
    yield* Spools.written(journal)
    assert.isFalse(journal.writing.isFailing)
    assert.strictEqual(memory.read(path)?.length, 2 * headBytes)
  })
)

it.live("does not where less is there than was written", () =>
  Effect.gen(function* () {
    const { again, journal, lookedAt, memory, path } = yield* mounted
    const whole = memory.read(path) ?? assert.fail()
    memory.write(path, whole.slice(1))
    again()
    yield* lookedAt
    assert.deepStrictEqual([memory.read(path)?.length, journal.writing.isFailing], [headBytes - 1, true])
    memory.write(path, whole)
    yield* Spools.written(journal)
    assert.strictEqual(memory.read(path)?.length, 2 * headBytes)
  })
)

it.live("does not while a file is being read, which another one's descriptor could be meanwhile", () =>
  Effect.gen(function* () {
    const { again, journal, lookedAt } = yield* mounted
    const segment = journal.segments.all[0] ?? assert.fail()
    const { file: before } = segment
    const isRead = Latch.makeUnsafe(false)
    const read = yield* Effect.forkChild(
      reading(segment, () => isRead.await),
      { startImmediately: true }
    )
    again()
    yield* lookedAt
    assert.isTrue(journal.writing.isFailing)
    assert.strictEqual(segment.file, before)
    isRead.openUnsafe()
    yield* Fiber.join(read)
    yield* Spools.written(journal)
    assert.notStrictEqual(segment.file, before)
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

it.effect(
  "for each attempt at a segment whose name is not synced it has a descriptor, and none is left of the others",
  () =>
    Effect.gen(function* () {
      const memory = new MemoryFiles()
      let failureCount = 0
      // From when the segment is open until it could be synced.
      const syncDirectory: Files["Service"]["syncDirectory"] = (path) =>
        Effect.suspend(() => {
          if (memory.openCount === 0 || failureCount === 3) return Effect.void
          failureCount++
          return Effect.fail(new FileFailed({ operation: "fsync", path, code: "EIO" }))
        })
      const spool = yield* Spool.make({ ...Spools.options({ ...memory.service, syncDirectory }), isSynced: true })
      const journal = Spools.open(spool)
      journal.append(Kind.control, 1)
      const written = yield* Effect.forkChild(Spools.written(journal))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(written)
      assert.deepStrictEqual([failureCount, memory.openCount], [3, 1])
    })
)
