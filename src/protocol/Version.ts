/**
 * What each protocol minor can do, as data. The only file that compares minors; everything else asks for a feature.
 *
 * Both protocols (streaming and live) share one numbering and one rule: each side uses the lower of the two minors.
 * It does not say which minor of a session counts where: a session keeps the minor it was created with.
 */

/** The version that this relay speaks. The minor is the protocol's, unrelated to the version of the package. */
export const own = { major: 2, minor: 15 } as const

/** The minor both sides use. Higher peers are brought down to ours; there is no lower bound. */
export const negotiate = (peerMinor: number): number => Math.min(own.minor, peerMinor)

/** What peers of one minor do; a member per difference (streaming.md §3.1, live.md §18). */
export interface Features {
  /** ADD_STREAM carries the tracefile size and count. */
  readonly tracefileRing: boolean
  /** CREATE_SESSION carries names, the live timer and the snapshot flag. */
  readonly sessionInfo: boolean
  /** The peer sends SEND_INDEX and STREAMS_SENT; sessions have index files and may be live. */
  readonly index: boolean
  /** SEND_INDEX carries the stream instance id and packet sequence number (80 bytes); index files are 1.1. */
  readonly index28: boolean
  /** RESET_METADATA exists. */
  readonly resetMetadata: boolean
  /** Viewers may DETACH_SESSION. */
  readonly liveDetach: boolean
  /** Trace chunks and commands 18 to 21. */
  readonly chunks: boolean
  /** CREATE_SESSION and ADD_STREAM carry length-prefixed names, and paths relative to the trace chunk. */
  readonly dynamicLayouts: boolean
  /** The peer's stream paths already contain host and session: grouping by session has to rewrite them. */
  readonly absoluteStreamPaths: boolean
  /** GET_CONFIGURATION, and with it `clear`. */
  readonly configuration: boolean
  /** CREATE_SESSION carries the trace format. */
  readonly traceFormat: boolean
  /** LIST_SESSIONS answers with entries of variable size that name the trace format. */
  readonly liveListing15: boolean
}

/** The highest minor that means something of its own; later ones read like it. */
const highest = 15

const featuresOf = (minor: number): Features => ({
  tracefileRing: minor >= 2,
  sessionInfo: minor >= 4,
  index: minor >= 4,
  index28: minor >= 8,
  resetMetadata: minor >= 8,
  liveDetach: minor >= 8,
  chunks: minor >= 11,
  dynamicLayouts: minor >= 11,
  absoluteStreamPaths: minor >= 4 && minor < 11,
  configuration: minor >= 12,
  traceFormat: minor >= 15,
  liveListing15: minor >= 15
})

const table: ReadonlyArray<Features> = Array.from({ length: highest + 1 }, (_, minor) => featuresOf(minor))

/** The features of a minor: one shared object per minor, so it can be asked per message. */
export const features = (minor: number): Features => table[Math.max(0, Math.min(highest, minor))] as Features

/** Whether a peer of this minor knows a command that exists since `since`. */
export const speaks = (minor: number, since: number): boolean => minor >= since
