/**
 * Who sends from files would stay behind a tracer that is as quick: everything would be written and read back. So over
 * a quick link the tracer is held back until what it says goes on from memory again, and no longer.
 */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { JournalReader } from "../../src/edge/journal/JournalReader.ts"
import type * as Spool from "../../src/edge/spool/Spool.ts"
import * as Machine from "../../src/Machine.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import * as Spools from "./spools.ts"

const quickBytes = 1024 * 1024 * 1024

/** What is measured is as old as the test says, however long it took. */
let clockMillis = 0
let restore = () => {}
beforeEach(() => {
  restore = Machine.replace({ ...Machine, clockMillis: () => clockMillis })
})
afterEach(() => restore())

const begin = Effect.gen(function* () {
  const spool = yield* Spools.make()
  const journal = Spools.open(spool)
  return { spool, journal }
})

/** So much goes to the relay, for longer than it is looked at. */
const passing = ({ flow }: Spool.Spool, byteCount: number) =>
  Effect.sync(() => {
    // Of the first measurement the beginning is not known.
    for (let count = 0; count < 2; count++) {
      flow.sent(byteCount)
      clockMillis += 110
    }
    flow.sent(byteCount)
  })

describe("a tracer whose journal is sent", () => {
  const little = 256 * 1024
  for (const [how, isFollowed, isQuick, mayTake] of [
    ["from files, over a quick link, is held back", false, true, false],
    ["from memory, over a quick link, is not", true, true, true],
    ["from files, over a slow link, is not", false, false, true]
  ] as const) {
    it.live(how, () =>
      Effect.gen(function* () {
        const { journal, spool } = yield* begin
        journal.unsentBytes = () => little
        yield* passing(spool, isQuick ? quickBytes : 0)
        journal.tail.isFollowed = isFollowed
        assert.strictEqual(spool.holding.hasRoomFor(journal), mayTake)
      })
    )
  }

  it.live("no more is not held back for the quick link of others", () =>
    Effect.gen(function* () {
      const { journal, spool } = yield* begin
      const reader = new JournalReader(journal, 1)
      journal.append(Kind.rest, 0, { bytes: Buffer.alloc(little), from: 0, to: little })
      journal.writing.flush()
      yield* passing(spool, quickBytes)
      assert.isFalse(spool.holding.hasRoomFor(journal))
      yield* reader.close
      assert.isTrue(spool.holding.hasRoomFor(journal))
    })
  )
})
