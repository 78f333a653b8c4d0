/**
 * Series with a label for the session: per channel, not per stream, since streams of one channel on one host are many
 * and short-lived. Relay sessions of one tracing session (one per domain) share their names and are added up. Labels
 * are UTF-8: other bytes in peers' names are shown by number, or names that differ would make one series twice.
 */
import { printable } from "../protocol/Printable.ts"
import type { Ended, SessionStatus } from "../relay/Status.ts"
import * as Totals from "../relay/Totals.ts"
import * as Instruments from "./Instruments.ts"
import { labelled, type Sample, sample } from "./Sample.ts"

/** The sessions to make series of. */
export interface Sessions {
  readonly nowMillis: number
  readonly sessions: ReadonlyArray<SessionStatus>
  /** Ended sessions whose names others still have: they are added, so that counters do not go down. */
  readonly ended?: ReadonlyArray<Ended> | undefined
  /** Channels and sessions beyond this have no series of their own. */
  readonly seriesMax: number
}

interface Channel extends Totals.Totals {
  readonly labels: readonly [host: string, session: string, channel: string]
  silenceMillis: number
}

interface OfSession {
  readonly labels: readonly [host: string, session: string]
  stallCount: number
  lagNanos: number
  lagPacketCount: number
  hasViewers: boolean
  /** What its edge has of it; undefined: it does not come by an edge, or that has said nothing. */
  spool: { lagMillis: number; byteCount: number } | undefined
  suspendedMillis: number | undefined
}

type Named = Pick<SessionStatus, "hostname" | "name">

/** Sums by name, up to a maximum of names. */
class Series {
  readonly channels = new Map<string, Channel>()
  readonly sessions = new Map<string, OfSession>()
  readonly #max: number
  /** Names beyond the maximum, which have no series. */
  readonly #capped = new Set<string>()

  constructor(max: number) {
    this.#max = max
  }

  #find<A>(map: Map<string, A>, key: string, make: () => A): A | undefined {
    const known = map.get(key)
    if (known !== undefined) return known
    if (map.size >= this.#max) {
      this.#capped.add(key)
      return undefined
    }
    const made = make()
    map.set(key, made)
    return made
  }

  get cappedCount(): number {
    return this.#capped.size
  }

  channel({ hostname, name }: Named, channelName: string): Channel | undefined {
    const labels = [printable(hostname), printable(name), printable(channelName)] as const
    return this.#find(this.channels, labels.join("\0"), () => ({ labels, ...Totals.none(), silenceMillis: 0 }))
  }

  session({ hostname, name }: Named): OfSession | undefined {
    const labels = [printable(hostname), printable(name)] as const
    return this.#find(this.sessions, labels.join("\0"), () => ({
      labels,
      stallCount: 0,
      lagNanos: 0,
      lagPacketCount: 0,
      hasViewers: false,
      spool: undefined,
      suspendedMillis: undefined
    }))
  }
}

/** The channel of a stream, which is named after its channel and its processor. */
const channelOf = (streamName: string): string => streamName.replace(/_\d+$/, "")

/** Sessions between two looks at other work, which take a fraction of a millisecond. */
const sliceCount = 25

/** Adds what an edge says. Relay sessions of one tracing session come by one edge, so it is not added up. */
const addEdge = (own: OfSession, edge: NonNullable<SessionStatus["edge"]>, nowMillis: number): void => {
  const { spool, suspendedAtMillis } = edge
  const suspendedMillis = suspendedAtMillis === undefined ? 0 : Math.max(0, nowMillis - suspendedAtMillis)
  own.suspendedMillis = Math.max(own.suspendedMillis ?? 0, suspendedMillis)
  if (spool === undefined) return
  own.spool = {
    lagMillis: Math.max(own.spool?.lagMillis ?? 0, spool.lagMillis),
    byteCount: Math.max(own.spool?.byteCount ?? 0, spool.byteCount)
  }
}

const addSession = (series: Series, session: SessionStatus, nowMillis: number): void => {
  for (const closed of session.closedChannels) {
    if (closed.channelName === "metadata") continue
    const channel = series.channel(session, channelOf(closed.channelName))
    if (channel !== undefined) Totals.add(channel, closed)
  }
  for (const stream of session.streams) {
    if (stream.isMetadata) continue
    const channel = series.channel(session, channelOf(stream.channelName))
    if (channel === undefined) continue
    Totals.add(channel, stream)
    channel.silenceMillis = Math.max(channel.silenceMillis, nowMillis - stream.heardAtMillis)
  }
  const own = series.session(session)
  if (own === undefined) return
  own.stallCount += session.stallCount
  if (session.edge !== undefined) addEdge(own, session.edge, nowMillis)
  for (const { lagNanos, lagPacketCount } of session.viewers) {
    own.hasViewers = true
    own.lagNanos = Math.max(own.lagNanos, lagNanos)
    own.lagPacketCount = Math.max(own.lagPacketCount, lagPacketCount)
  }
}

const addEnded = (series: Series, ended: Ended): void => {
  for (const [channelName, totals] of ended.channels) {
    if (channelName === "metadata") continue
    const channel = series.channel(ended, channelOf(channelName))
    if (channel !== undefined) Totals.add(channel, totals)
  }
  const own = series.session(ended)
  if (own !== undefined) own.stallCount += ended.stallCount
}

/** Collects the sums, in steps between which the caller lets others work. */
export function* collect({ ended = [], nowMillis, seriesMax, sessions }: Sessions): Generator<void, Series> {
  const series = new Series(seriesMax)
  let count = 0
  for (const session of sessions) {
    addSession(series, session, nowMillis)
    if (++count % sliceCount === 0) yield
  }
  for (const one of ended) addEnded(series, one)
  return series
}

const ofChannels: ReadonlyArray<readonly [Instruments.Instrument, (channel: Channel) => number]> = [
  [Instruments.channelBytes, ({ byteCount }) => byteCount],
  [Instruments.channelPackets, ({ packetCount }) => packetCount],
  [Instruments.channelDiscardedEvents, ({ eventsDiscarded }) => eventsDiscarded],
  [Instruments.channelLostPackets, ({ packetsLost }) => packetsLost],
  [Instruments.channelSilence, ({ silenceMillis }) => silenceMillis / 1000]
]

const ofSessions: ReadonlyArray<readonly [Instruments.Instrument, (session: OfSession) => number | undefined]> = [
  [Instruments.stalls, ({ stallCount }) => stallCount],
  [Instruments.viewerLagSeconds, ({ hasViewers, lagNanos }) => (hasViewers ? lagNanos / 1e9 : undefined)],
  [Instruments.viewerLagPackets, ({ hasViewers, lagPacketCount }) => (hasViewers ? lagPacketCount : undefined)],
  [Instruments.sessionSuspended, ({ suspendedMillis }) => suspendedMillis && suspendedMillis / 1000],
  [Instruments.sessionEdgeLag, ({ spool }) => spool && spool.lagMillis / 1000],
  [Instruments.sessionEdgeSpool, ({ spool }) => spool?.byteCount]
]

/** The samples, made as they are read: a thousand sessions have ten thousand of them. */
export function* samples({ cappedCount, channels, sessions }: Series): Generator<Sample> {
  for (const [instrument, read] of ofChannels) {
    for (const channel of channels.values()) yield labelled(instrument, read(channel), channel.labels)
  }
  for (const [instrument, read] of ofSessions) {
    for (const session of sessions.values()) {
      const value = read(session)
      if (value !== undefined) yield labelled(instrument, value, session.labels)
    }
  }
  yield sample(Instruments.cappedSeries, cappedCount)
}
