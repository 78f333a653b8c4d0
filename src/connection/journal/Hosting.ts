/** What a journal is made with, and by what it is brought. */
import type { Registry } from "../../relay/Registry.ts"
import type { Peer } from "../../transport/Peer.ts"
import type { Serves } from "../control/Command.ts"

/** The edge's connection, as the journal sees it. */
export interface Carrier {
  readonly peer: string
  /** More records can be taken, or there is something to tell the edge. */
  readonly onReady: () => void
  /** Another connection of the edge took over. */
  readonly onReplaced: () => void
}

export interface Options {
  readonly serves: Serves
  readonly token: string
  readonly edgeName: string
  readonly registry: Registry["Service"]
  /** Whose rights its sessions have. */
  readonly edge: Pick<Peer, "name" | "certificate">
}
