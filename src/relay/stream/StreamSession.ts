/** What a stream knows of the session it belongs to, and what connections ask that session by way of the stream. */
import type { RecentPackets } from "../../memory/RecentPackets.ts"
import type { Lead } from "../../model/Lead.ts"
import type { CloseReason } from "../CloseReason.ts"
import type { SharedReads } from "./SharedReads.ts"

/** A connection of the session, as the session sees it. */
export interface Connection {
  readonly end: (reason: CloseReason, complaint?: string) => void
}

/** Packets in memory for viewers: those that arrived last, and those read from files last. */
export interface LiveCache {
  readonly recent: RecentPackets
  readonly reads: SharedReads
}

export interface StreamSession {
  readonly id: number
  readonly identity: {
    readonly minor: number
    /** µs; 0 = not live. */
    readonly liveTimer: number
    readonly hostname: string
    readonly sessionName: string
  }
  readonly lead: Lead
  /** Cycles per ms of a trace's clock; undefined: its metadata has not come yet. */
  readonly cyclesPerMilli: (traceId: bigint) => number | undefined
  /** The session closes: only what is on its way still comes. */
  readonly isConnectionClosed: boolean
  /** True while any relay session of the same tracing session rotates. */
  readonly isOngoingRotation: boolean
  readonly viewers: {
    readonly count: number
    /** Undefined: nobody is attached, or there is no cache. */
    readonly recent: RecentPackets | undefined
    readonly reads: SharedReads | undefined
    readonly raise: () => void
  }
  /** There are whole packets without indexes, and the control connection may still bring those. */
  readonly awaitsIndexes: boolean
  /** A data connection delivered its first bytes for this session. */
  readonly bindData: (connection: Connection) => void
  /** One of its connections is gone. */
  readonly detach: (connection: Connection, isAbort: boolean) => void
  readonly closeStream: (handle: number) => void
}
