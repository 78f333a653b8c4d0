/** A journal of another edge: who has a place; if it is held back, what that edge is told, and who is called then. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Journal } from "../../src/edge/journal/Journal.ts"
import { Passed } from "../../src/edge/journal/Passed.ts"
import type { Writing } from "../../src/edge/journal/Writing.ts"
import { PassedJournal } from "../../src/edge/pass/PassedJournal.ts"
import { open } from "../../src/edge/pass/Passing.ts"
import type { Holding } from "../../src/edge/spool/Holding.ts"
import type { Resting } from "../../src/edge/spool/Resting.ts"
import type { Spool } from "../../src/edge/spool/Spool.ts"
import { Outcome, type Request, State } from "../../src/protocol/journal/OpenJournal.ts"

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

/** A spool that asks its disk whether it has set the journal aside. */
const bare = (journals: Map<string, Journal>) => {
  const pass = (token: string) => {
    const journal: Partial<Journal> = {
      passed: new Passed("before"),
      scanned: Effect.void,
      gone: Effect.never,
      last: 0
    }
    journals.set(token, journal as Journal)
    return journal as Journal
  }
  const resting: Partial<Resting> = { has: () => false, isAside: () => Effect.as(Effect.yieldNow, false) }
  return { journals, pass, resting: resting as Resting } as Partial<Spool> as Spool
}

const opening = { token: "t", firstKept: 1n, edgeName: "before" } as Request

describe("a journal of another edge that comes", () => {
  it.effect("by two connections at once is begun once", () =>
    Effect.gen(function* () {
      const come = open(bare(new Map()))(opening, "owner")
      const both = yield* Effect.all([come, come], { concurrency: "unbounded" })
      assert.deepStrictEqual(
        both.map((opened) => opened?.state),
        [State.begun, State.resumed]
      )
    })
  )

  it.effect("has a place whoever waits for one, and gets one once there is room", () =>
    Effect.gen(function* () {
      const passed = new Passed("others", "owner")
      passed.isAdmitted = false
      const others = Array.from({ length: 4096 }, (_, index) => [`${index}`, { passed } as Journal] as const)
      const journals = new Map<string, Journal>(others)
      const admitted = () => journals.get("t")?.passed?.isAdmitted
      yield* open(bare(journals))(opening, "owner")
      assert.isTrue(admitted())
      journals.delete("t")
      passed.isAdmitted = true
      const opened = yield* open(bare(journals))(opening, "owner")
      opened?.journal?.beat()
      assert.isFalse(admitted())
      passed.isAdmitted = false
      opened?.journal?.beat()
      assert.isTrue(admitted())
    })
  )
})
