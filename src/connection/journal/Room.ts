/**
 * How many journals a relay has open: each holds memory, and a file, for as long as `--suspend` says, whoever opened it
 * and is gone. One more than there is room for waits with its connection, and is forgotten with it: its edge has all.
 */
import { Effect } from "effect"
import type { Journal } from "../../relay/journal/Journals.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { HostedJournal } from "./HostedJournal.ts"

/** Suspended or not. */
export const openCountMax = 4096

/** Who waits for room looks again. */
const againWait = "1 second"

/** For one more of an owner that has `ownedCount` of `openCount`: each may have half of what others leave. */
export const hasRoom = (openCount: number, ownedCount: number, countMax = openCountMax): boolean =>
  ownedCount < countMax - openCount

const isWaiting = ({ standing }: HostedJournal) => standing.waiting?.code === "JOURNAL_LIMIT"

/** Those who wait all ask it each second: it is counted, and nothing made for it. */
const hasRoomFor = (journal: HostedJournal, { journals }: Registry["Service"]): boolean => {
  const { owner } = journal.standing
  let openCount = 0
  let ownedCount = 0
  for (const other of journals.open.values() as Iterable<Journal> as Iterable<HostedJournal>) {
    if (other === journal || isWaiting(other)) continue
    openCount++
    if (other.standing.owner === owner) ownedCount++
  }
  return hasRoom(openCount, ownedCount)
}

/** False: it ended while it waited. */
export const awaitRoom = (journal: HostedJournal, registry: Registry["Service"]): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    while (!journal.isEnding) {
      if (hasRoomFor(journal, registry)) {
        if (isWaiting(journal)) journal.standing.waitsFor(undefined)
        return true
      }
      journal.standing.waitsFor({ code: "JOURNAL_LIMIT", detail: `${registry.journals.open.size} are open` })
      yield* Effect.sleep(againWait)
    }
    return false
  })
