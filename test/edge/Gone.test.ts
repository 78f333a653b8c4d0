/** A journal of which nothing is left: neither are the fiber that wrote it, and what that holds. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type About, remove } from "../../src/edge/journal/About.ts"
import { Spool } from "../../src/edge/spool/Spool.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { turns } from "../support/turns.ts"
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
      own.resting.add = (token) =>
        Effect.map(add(token), () => {
          journal.isForgotten = true
        })
      yield* forwarded(journal, own.done(journal))
      assert.deepStrictEqual([...running], [])
      assert.isFalse(own.resting.has(journal.token))
    })
  )

  it.live("takes along what was freed while it was busy, by the name that its directory had then", () =>
    Effect.gen(function* () {
      const files = new MemoryFiles().service
      yield* files.makeDirectory("/spool/own")
      for (const name of ["about.json", "0000000000000001.journal"]) {
        const file = yield* files.open(`/spool/own/${name}`, "create")
        yield* file.close
      }
      yield* remove(files, "/spool/own")
      assert.deepStrictEqual(yield* files.list("/spool"), [])
    })
  )
})
