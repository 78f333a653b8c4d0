/** What a session needs of the relay around it: shared tables, counters and memory. The registry is all of it. */
import type { Effect } from "effect"
import type { OutputGrouping } from "../../model/Path.ts"
import type { Sync } from "../../model/Sync.ts"
import type { TraceStore } from "../../storage/TraceStore.ts"
import type { CloseReason } from "../CloseReason.ts"
import type { Events } from "../Events.ts"
import type { Incidents } from "../Incidents.ts"
import type { Journals } from "../journal/Journals.ts"
import type { Gather } from "../stream/Gather.ts"
import type { StreamActor } from "../stream/StreamActor.ts"
import type { LiveCache } from "../stream/StreamSession.ts"
import type { Totals } from "../Totals.ts"
import type { BeaconWatch } from "./Beacon.ts"
import type { Chunks } from "./Chunks.ts"

/** A session whose target may be gone. */
export interface Silent {
  readonly id: number
  readonly abort: (reason: CloseReason) => void
}

export interface Surroundings {
  readonly options: {
    readonly grouping: OutputGrouping
    readonly allowClear: boolean
    readonly sync?: Sync
    readonly onStreamEnd?: ((handle: number) => void) | undefined
  }
  readonly incidents: Incidents
  readonly store: TraceStore["Service"]
  readonly gather: Gather
  readonly events: Events
  readonly beacons: BeaconWatch
  /** False: a silent target may be held back by the program around the relay. */
  readonly judgesSilence: boolean
  /** Called when nothing was heard of the session for long; `isOver`: for so long that its target counts as gone. */
  readonly onStalled: (session: Silent, isOver: boolean) => Effect.Effect<void>
  readonly liveCache: LiveCache | undefined
  /** Totals of closed streams of all sessions; open ones have their own. */
  readonly totals: Totals
  readonly chunks: Chunks
  /** Journals of edges: a session that comes by one does not count as stalled, since its edge may be gone. */
  readonly journals: Journals
  /** Streams that packets and commands may name. */
  readonly streams: Map<number, StreamActor>
  readonly nextStreamHandle: () => number
  /** A new id for the CTF trace of a directory, which all its streams share. */
  readonly nextTraceId: () => bigint
}
