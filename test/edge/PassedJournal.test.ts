/** A journal of another edge, held back: what that edge is told, and who is called when there is room. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Journal } from "../../src/edge/journal/Journal.ts"
import { Passed } from "../../src/edge/journal/Passed.ts"
import type { Writing } from "../../src/edge/journal/Writing.ts"
import { PassedJournal } from "../../src/edge/pass/PassedJournal.ts"
import type { Holding } from "../../src/edge/spool/Holding.ts"
import type { Spool } from "../../src/edge/spool/Spool.ts"
import { Outcome } from "../../src/protocol/journal/OpenJournal.ts"

/** It may not be read now; `hasRoom`: for want of a link that is as quick, not of room. */
const held = (hasRoom: boolean) => {
  const asked: Array<() => void> = []
  const overflown: Array<unknown> = []
  const holding: Partial<Holding> = {
    hasRoom,
    hasRoomForPassed: () => false,
    whenRoom: (then) => void asked.push(then)
  }
  const spool: Partial<Spool> = {
    holding: holding as Holding,
    overflow: (full) => void overflown.push(full)
  }
  const writing: Partial<Writing> = { flush: () => {} }
  const journal: Partial<Journal> = {
    base: 0,
    last: 1,
    written: 1,
    isOver: false,
    isCut: false,
    writing: writing as Writing
  }
  const passed = new Passed("before")
  const options = { journal: journal as Journal, passed, spool: spool as Spool, admits: () => true }
  const taken = new PassedJournal(options)
  const carrier = { peer: "before", onReady: () => {}, onReplaced: () => {} }
  taken.attach(carrier)
  taken.flush()
  return { asked, overflown, journal, taken, leave: () => taken.detach(carrier) }
}

describe("a journal of another edge that is held back", () => {
  it.effect("says that it waits for room only where there is none", () =>
    Effect.sync(() => {
      assert.strictEqual(held(false).taken.outcome, Outcome.waitsForRoom)
      assert.strictEqual(held(true).taken.outcome, Outcome.goesOn)
    })
  )

  it.effect("does what is done where there is no room, once for each time it asks", () =>
    Effect.sync(() => {
      const { asked, journal, overflown, taken } = held(false)
      taken.flush()
      assert.deepStrictEqual(overflown, [journal])
      asked.shift()?.()
      assert.deepStrictEqual(overflown, [journal, journal])
    })
  )

  it.effect("asks for room again and again, until its edge is gone", () =>
    Effect.sync(() => {
      const { asked, leave } = held(false)
      asked.shift()?.()
      assert.strictEqual(asked.length, 1)
      leave()
      asked.shift()?.()
      assert.strictEqual(asked.length, 0)
    })
  )
})
