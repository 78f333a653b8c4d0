/** The trace chunks that a journal's sessions were recording in when it was marked last, for `Refound`. */
import type { Effect } from "effect"
import * as JournalFiles from "../../relay/journal/JournalFiles.ts"
import type { SetBack } from "../../relay/journal/Retracing.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { HostedJournal } from "./HostedJournal.ts"

export const setBackOf = ({ incidents, store }: Registry["Service"]): SetBack<HostedJournal> => ({
  currentOf: ({ brought }) =>
    brought.sessions.flatMap(({ chunks, identity }) => {
      const { directory, name, openPath: path } = chunks.current ?? {}
      if (name === undefined || name.overrideName !== undefined || path === undefined) return []
      const made = directory?.made.files ?? []
      return [{ session: JournalFiles.directoryOf(store, identity.outputPath), path, name, made }]
    }),
  setAside: ({ edgeName }, beside): Effect.Effect<void> =>
    incidents.report("JOURNAL_CHANGED", `${edgeName}: what was recorded last, and comes again, is in ${beside}`)
})
