/**
 * How many journals a relay has open: each holds memory, and a file, for as long as `--suspend` says, whoever opened it
 * and is gone. One more than there is room for waits with its connection, and is forgotten with it: its edge has all.
 */
import { Effect } from "effect"
import type { Journal } from "../../relay/journal/Journals.ts"
import type { Registry } from "../../relay/Registry.ts"
import { originOf } from "../../transport/Origins.ts"
import type { HostedJournal } from "./HostedJournal.ts"

/** Suspended or not. */
export const openCountMax = 4096

/** Who waits for room looks again. */
const againWait = "1 second"

/** For one more of an owner that has `ownedCount` of `openCount`: each may have half of what others leave. */
export const hasRoom = (openCount: number, ownedCount: number, countMax = openCountMax): boolean =>
  ownedCount < countMax - openCount

/** Whose it is: the key of its edge's certificate, or the network that it comes from. */
const ownerOf = ({ standing: { edge } }: HostedJournal): string => {
  const { certificate, name } = edge
  if (certificate !== undefined) return certificate.keyHash || certificate.subject
  return originOf(name.slice(0, name.lastIndexOf(":")))
}

const isWaiting = ({ standing }: HostedJournal) => standing.waiting?.code === "JOURNAL_LIMIT"

const hasRoomFor = (journal: HostedJournal, { journals }: Registry["Service"]): boolean => {
  const open = [...journals.open.values()] as ReadonlyArray<Journal> as ReadonlyArray<HostedJournal>
  const others = open.filter((other) => other !== journal && !isWaiting(other))
  const owner = ownerOf(journal)
  return hasRoom(others.length, others.filter((other) => ownerOf(other) === owner).length)
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
