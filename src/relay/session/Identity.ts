/** What a session is, from its first command to its end. */

import type { Effect } from "effect"
import type { TraceChunk } from "../TraceChunk.ts"
import type { Owner } from "./Chunks.ts"

/** A session as the quotas of its target count it. */
export interface HeldSession {
  /** Says that it has files in `directory`, relative to the output directory. */
  readonly records: (directory: string) => void
  /** To be called when it has begun. `synced` is done when what it received is in its files. */
  readonly begun: (synced: Effect.Effect<void>) => void
  /** To be called when it has ended. */
  readonly release: () => void
}

/** What `CREATE_SESSION` fixed for good. */
export interface Identity {
  readonly id: number
  readonly minor: number
  readonly sessionName: string
  readonly hostname: string
  /** Relative to the output directory; empty for peers older than 2.11. */
  readonly outputPath: string
  /** µs; 0 = not live. */
  readonly liveTimer: number
  readonly isSnapshot: boolean
  readonly traceFormat: 1 | 2
  /** Seconds since the epoch. */
  readonly creationTime: bigint
  readonly owner: Owner
  /** Whose its snapshots' directories are (`OwnDirectories`): the journal's that brings it, or the owner's. */
  readonly party: string
  readonly hasIndex: boolean
  readonly hasChunks: boolean
  /** The chunk that it joins, or an anonymous one; the session takes over the caller's reference. */
  readonly chunk: TraceChunk | undefined
  readonly held: HeldSession
}
