/** One journal more than there is room for waits with its connection, and is forgotten with it: its edge has all. */
import { Effect } from "effect"
import { principalText } from "../../relay/party/Allowances.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { HostedJournal } from "./HostedJournal.ts"

/** Who waits for room looks again. */
const againWait = "1 second"

/** False: it ended while it waited. */
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
