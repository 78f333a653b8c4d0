/**
 * A limit on open journals. One too many waits, with its connection, until there is room; if the connection is lost it
 * is forgotten, since its edge still has every record.
 */
import { Effect } from "effect"
import { principalText } from "../../relay/party/Allowances.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { HostedJournal } from "./HostedJournal.ts"

/** Who waits for room looks again. */
const againWait = "1 second"

/** Waits until there is room for `journal`. False: it ended meanwhile. */
export const awaitRoom = (journal: HostedJournal, registry: Registry["Service"]): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const { journals, options } = registry
    const { standing } = journal
    while (!journal.isEnding) {
      if (journals.room.admits(journal, options.journalCountMax)) {
        if (standing.waiting?.code === "JOURNAL_LIMIT") standing.waitsFor(undefined)
        journal.isOutside = false
        return true
      }
      const { suspendedCount, openCount } = journals.counts
      const owned = `${journals.room.ownedCount(journal)} of ${principalText(standing.owner)}`
      const detail = `${openCount} of ${options.journalCountMax} are open, ${suspendedCount} suspended, ${owned}`
      standing.waitsFor({ code: "JOURNAL_LIMIT", detail })
      yield* Effect.sleep(againWait)
    }
    return false
  })
