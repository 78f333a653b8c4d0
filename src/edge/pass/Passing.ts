/** Journals of other edges that come to this one on their way to the relay (docs/extension.md). */
import { Effect } from "effect"
import { defaults } from "../../config/RelayDefaults.ts"
import { wallMillis } from "../../Machine.ts"
import { hasRoom } from "../../model/JournalRoom.ts"
import type { Opened, Passage } from "../../Ports.ts"
import * as OpenJournal from "../../protocol/journal/OpenJournal.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Spool } from "../spool/Spool.ts"
import { PassedJournal } from "./PassedJournal.ts"

const { State } = OpenJournal

/** There is room for one more of the owner. */
const admits = (spool: Spool, owner: string | undefined): boolean => {
  let openCount = 0
  let ownedCount = 0
  for (const { passed } of spool.journals.values()) {
    if (passed?.isAdmitted !== true) continue
    openCount++
    if (passed.owner === owner) ownedCount++
  }
  return hasRoom(openCount, ownedCount, defaults.journalCountMax)
}

const taken = (spool: Spool, journal: Journal, state: OpenJournal.State): Opened | undefined => {
  const { passed } = journal
  if (passed === undefined) return undefined
  const one = new PassedJournal({ journal, passed, spool, admits: () => admits(spool, passed.owner) })
  return { state, journal: one, forgotten: one.forgotten }
}

export const open =
  (spool: Spool): Passage["open"] =>
  ({ edgeName, firstKept, token }, owner) => {
    /** The edge before has forgotten up to this one. */
    const before = Math.max(0, Number(firstKept) - 1)
    const over = (state: OpenJournal.State): Opened => ({
      state,
      journal: undefined,
      forgotten: spool.forgotten(token)
    })
    const begun = (): Opened | undefined => {
      const about = { key: token, name: edgeName, from: edgeName, owner, createdMillis: wallMillis() }
      const hasPlace = admits(spool, owner)
      // It began before, so the relay may know it.
      const journal = spool.pass(token, about, before)
      if (journal.passed !== undefined) journal.passed.isAdmitted = hasPlace
      return taken(spool, journal, State.begun)
    }
    return Effect.gen(function* () {
      while (true) {
        const known = spool.journals.get(token)
        if (known === undefined) {
          if (spool.resting.has(token)) return over(State.finished)
          const isAside = yield* spool.resting.isAside(token)
          // Another connection may have begun it meanwhile.
          if (spool.journals.has(token)) continue
          // So many records were never acknowledged to it.
          return isAside || !Number.isSafeInteger(before) ? over(State.unknown) : begun()
        }
        if (known.passed === undefined) return undefined
        yield* Effect.raceFirst(known.scanned, known.gone)
        if (known.isOver) return over(State.finished)
        if (known.isCut) return over(State.unknown)
        if (known.passed.isLeaving) yield* known.gone
        if (spool.journals.get(token) !== known) continue
        known.passed.owner = owner
        if (before <= known.last) return taken(spool, known, State.resumed)
        // By a power loss this edge has lost what the edge before has forgotten. The relay may have it.
        yield* known.passed.heard
        if (spool.journals.get(token) !== known) continue
        if (known.received >= before) known.skipTo(before)
        else yield* lost(spool, known)
      }
    })
  }

const lost = (spool: Spool, journal: Journal): Effect.Effect<void> =>
  Effect.suspend(() => {
    journal.cut()
    return spool.abandon(journal, "this edge has lost some of it, and the relay does not have that")
  })
