/**
 * A limit on open journals. One too many waits, with its connection, until there is room, as does one of an edge that
 * may record nothing until it may; if the connection is lost it is forgotten, since its edge still has every record.
 */
import { Effect } from "effect"
import type { Incident } from "../../errors/Report.ts"
import { principalText } from "../../relay/party/Allowances.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { HostedJournal } from "./HostedJournal.ts"

/** Who waits for room looks again. */
const againWait = "1 second"

const fullness = (journal: HostedJournal, { journals, options }: Registry["Service"]): Incident => {
  const { suspendedCount, openCount } = journals.counts
  const owned = `${journals.room.ownedCount(journal)} of ${principalText(journal.standing.owner)}`
  const detail = `${openCount} of ${options.journalCountMax} are open, ${suspendedCount} suspended, ${owned}`
  return { code: "JOURNAL_LIMIT", detail }
}

/** Waits until there is room for `journal`. False: it ended meanwhile. */
export const awaitRoom = (journal: HostedJournal, registry: Registry["Service"]): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const { journals, options } = registry
    const { standing } = journal
    while (!journal.isEnding) {
      const { refusal } = standing
      if (refusal === undefined && journals.room.admits(journal, options.journalCountMax)) {
        standing.waitsFor(undefined)
        journal.isOutside = false
        return true
      }
      standing.waitsFor(refusal ?? fullness(journal, registry))
      yield* Effect.sleep(againWait)
    }
    return false
  })
