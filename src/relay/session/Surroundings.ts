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

/** A session that may be of a target that is gone. */
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
  /** Nothing was heard of the session for long; `isOver`: for so long that nothing will be. */
  readonly onStalled: (session: Silent, isOver: boolean) => Effect.Effect<void>
  readonly liveCache: LiveCache | undefined
  /** Of streams that are closed; open ones count for themselves. */
  readonly totals: Totals
  readonly chunks: Chunks
  /** By which sessions come that are not silent because their edge is. */
  readonly journals: Journals
  /** Streams that packets and commands may name. */
  readonly streams: Map<number, StreamActor>
  readonly nextStreamHandle: () => number
  /** Id of the CTF trace of `path` in a session: streams of one directory share it. */
  readonly nextTraceId: () => bigint
}
