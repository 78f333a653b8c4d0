/** The options of a `HostedJournal`, for one that an edge opens and for one that an earlier relay has left. */
import { Effect } from "effect"
import { isSynced } from "../../model/Sync.ts"
import * as JournalFiles from "../../relay/journal/JournalFiles.ts"
import type * as JournalsLeft from "../../relay/journal/JournalsLeft.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { Peer } from "../../transport/Peer.ts"
import type { Serves } from "../control/Command.ts"

export interface Options {
  readonly serves: Serves
  readonly token: string
  readonly edgeName: string
  readonly registry: Registry["Service"]
  /** Whose rights its sessions have. */
  readonly edge: Pick<Peer, "name" | "certificate">
  /** Seconds since 1970; undefined: an earlier relay has put down none. */
  readonly begunAt: number | undefined
}

/** Of one that an earlier relay has left. */
export const optionsOf = (
  registry: Registry["Service"],
  serves: Serves,
  { about, token }: Pick<JournalsLeft.Found, "about" | "token">
): Options => ({
  serves,
  token,
  edgeName: about.edgeName,
  registry,
  edge: { name: about.peer, certificate: about.certificate },
  begunAt: about.begunAt
})

/** Removes what is put down of one that is not open; it counts for nobody any more. */
export const remove = ({ permissions, store }: Registry["Service"], token: string): Effect.Effect<void> =>
  Effect.map(JournalFiles.remove(store, token), () => permissions.allowances.keep(token, [], 0))

/** How what an earlier relay has left is read. */
export const leftOf = ({ incidents, options }: Registry["Service"]): JournalsLeft.Options => ({
  isSynced: isSynced(options.sync),
  countMax: options.journalCountMax,
  told: (detail) => incidents.report("JOURNAL_UNMARKED", detail)
})
