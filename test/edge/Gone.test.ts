/** A journal of which nothing is left: neither are the fiber that wrote it, and what that holds. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { type About, remove } from "../../src/edge/journal/About.ts"
import { Spool } from "../../src/edge/spool/Spool.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { FaultyFiles } from "../../src/storage/FaultyFiles.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { turns, until } from "../support/turns.ts"
import * as Spools from "./spools.ts"

/** Tokens whose fibers run, and what is left to forget of journals of other edges. */
const spool = () => {
  const running = new Set<string>()
  const made = new Spool(Spools.options(), {
    run: (token) => void running.add(token),
    stop: (token) => Effect.sync(() => void running.delete(token))
  })
  return { running, spool: made }
}

/** Of another edge: what it brought is written. */
const passed = (own: Spool) =>
  Effect.gen(function* () {
    const journal = own.pass("a1".repeat(16), { key: "key", name: "h/s", createdMillis: 0, from: "edge" }, 0)
    journal.append(Kind.control, 1)
    yield* Spools.written(journal)
    return journal
  })

const nameIn = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

/** As whoever forwards it does: that it is gone ends what was under way. */
const forwarded = (journal: { readonly gone: Effect.Effect<void> }, work: Effect.Effect<void>) =>
  Effect.raceFirst(journal.gone, Effect.andThen(turns(1), work))

describe("a journal that is gone", () => {
  it.live("has no fiber, although that it is gone ends who says so", () =>
    Effect.gen(function* () {
      const { running, spool: own } = spool()
      const journal = Spools.open(own)
      assert.deepStrictEqual([...running], [journal.token])
      yield* forwarded(journal, own.done(journal))
      assert.deepStrictEqual([...running], [])
    })
  )

  it.live("leaves no mark either, where the edge that brought it has forgotten it meanwhile", () =>
    Effect.gen(function* () {
      const { running, spool: own } = spool()
      const about: About = { key: "key", name: "h/s", createdMillis: 0, from: "edge" }
      const journal = own.pass("a1".repeat(16), about, 0)
      journal.isOver = true
      const add = own.resting.add.bind(own.resting)
      own.resting.add = (token, owner) =>
        Effect.map(add(token, owner), () => {
          journal.isForgotten = true
        })
      yield* forwarded(journal, own.done(journal))
      assert.deepStrictEqual([...running], [])
      assert.isFalse(own.resting.has(journal.token))
    })
  )

  it.live("is removed by the name that its directory has by then, where that is renamed meanwhile", () =>
    Effect.gen(function* () {
      const memory = new MemoryFiles()
      const faults = new FaultyFiles(memory.service)
      const own = yield* Spools.make(faults.service)
      const journal = yield* passed(own)
      const goOn = faults.stall(".journal")
      const settled = yield* Effect.forkChild(own.settle(journal))
      yield* until("the segment to be freed", () => faults.stalledCount > 0)
      const forgotten = yield* Effect.forkChild(own.forgotten(journal.token))
      yield* turns(20)
      yield* goOn
      yield* Fiber.join(settled)
      yield* Fiber.join(forgotten)
      assert.deepStrictEqual(memory.paths("/spool").map(nameIn).sort(), ["about.json", "over", "sent"])
      assert.strictEqual(journal.home.directory, `/spool/${journal.token}`)
      yield* own.done(journal)
      assert.deepStrictEqual(memory.paths("/spool"), ["/spool/"])
      assert.strictEqual(own.byteCount, 0)
    })
  )

  it.live("keeps its name, and with it its mark, where it cannot be renamed", () =>
    Effect.gen(function* () {
      const memory = new MemoryFiles()
      const faults = new FaultyFiles(memory.service)
      faults.fail({ operation: "rename", code: "EIO" })
      const own = yield* Spools.make(faults.service)
      const journal = yield* passed(own)
      yield* own.settle(journal)
      yield* own.forgotten(journal.token)
      yield* own.done(journal)
      assert.deepStrictEqual(memory.paths("/spool"), ["/spool/"])
    })
  )

  it.live("is still said to be over where a segment of it cannot be removed", () =>
    Effect.gen(function* () {
      const memory = new MemoryFiles()
      const faults = new FaultyFiles(memory.service)
      const mend = faults.fail({ operation: "unlink", path: ".journal", code: "EIO" })
      const own = yield* Spools.make(faults.service)
      const journal = yield* passed(own)
      yield* own.settle(journal)
      journal.isForgotten = true
      yield* own.done(journal)
      assert.deepStrictEqual(memory.paths("/spool").map(nameIn), ["0000000000000001.journal", "over"])
      mend()
      yield* remove(faults.service, journal.home.directory)
      assert.deepStrictEqual(memory.paths("/spool"), ["/spool/"])
    })
  )
})
