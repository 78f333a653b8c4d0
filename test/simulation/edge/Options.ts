/** What happens in a simulated world of edges and relays. */

export interface Options {
  readonly seed: number
  readonly targetCountMax: number
  readonly stepCountMax: number
  /** Of the edge, with its targets. */
  readonly hasEdgeKills: boolean
  readonly hasRelayKills: boolean
  /** Undefined: drawn from the seed. A connection breaks after so many bytes, once. */
  readonly cutAt?: number
  /** The first relay is killed at this operation on its files, and no other. */
  readonly killAt?: number
  /** Targets only trace, for so many steps. */
  readonly tracingCount?: number
  /** Each of the processes may be stopped, too: it lets its connections go, and ends when it has written all it has. */
  readonly hasStops?: boolean
  /** Where it syncs, the relay's host loses its power, too. */
  readonly hasPowerLosses?: boolean
  /** The relay's, and what one takes; undefined: drawn from the seed. */
  readonly sync?: "none" | "close" | "always"
  readonly syncMillis?: number
  /** Another edge is on the way to the relay; it is killed, too. */
  readonly hasMiddle?: boolean
  /** The first of those is killed at this operation on its files, and no other. */
  readonly middleKillAt?: number
  /** Between these it rotates. */
  readonly rotates?: boolean
  /** Targets speak it, one before 2.11: they rotate nothing. */
  readonly minor?: number
  /** Two targets of each session, of which the second has files that the relay cannot write, from some time on. */
  readonly isFailing?: boolean
  /** Then so many packets as fast as they can, into one file. */
  readonly packetCount?: number
}

export const usual = { targetCountMax: 3, stepCountMax: 20, hasEdgeKills: true, hasRelayKills: true }

/** Nothing happens to it but what `cutAt` says. */
export const oneSession: Options = {
  seed: 2,
  targetCountMax: 1,
  stepCountMax: 3,
  hasEdgeKills: false,
  hasRelayKills: false,
  cutAt: Number.POSITIVE_INFINITY
}

/** Packets and nothing else, for as long as it takes to put down a journal anew. */
export const longSession: Options = { ...oneSession, tracingCount: 120 }

/** The files of its second target fail. */
export const failingSession: Options = { ...longSession, tracingCount: 25, isFailing: true, syncMillis: 0 }

/** The same, with more and more trace chunks. */
export const rotatingSession: Options = { ...longSession, tracingCount: 30, rotates: true, syncMillis: 0 }

/** The same before a relay whose host may lose its power whenever it is gone. */
export const unpoweredSession: Options = {
  ...rotatingSession,
  seed: 10,
  tracingCount: 10,
  hasPowerLosses: true,
  sync: "close",
  syncMillis: 30
}
