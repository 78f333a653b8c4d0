/** Reads the status of a relay off its registry. Costs a few microseconds a session; nothing is kept for it. */
import { clockMillis, wallMillisOf } from "../Machine.ts"
import type { Histogram } from "../memory/Histogram.ts"
import * as Control from "../protocol/control/index.ts"
import * as Live from "../protocol/live/index.ts"
import type { FilePool } from "../storage/FilePool.ts"
import type { Connection } from "./Connections.ts"
import type { Journal, Journals } from "./journal/Journals.ts"
import { countOf, lagOf, type Said } from "./journal/Said.ts"
import type { Service } from "./Registry.ts"
import type {
  Activity,
  ConnectionStatus,
  Counters,
  DeviceFigures,
  Devices,
  Micros,
  SessionStatus,
  StreamStatus,
  ViewerStatus
} from "./Status.ts"
import type { SessionActor } from "./session/SessionActor.ts"
import type { Attached } from "./session/Viewers.ts"
import type { StreamActor } from "./stream/StreamActor.ts"
import * as Totals from "./Totals.ts"

const streamStatus = (stream: StreamActor): StreamStatus => ({
  id: stream.handle,
  path: stream.path,
  channelName: stream.channelName,
  isMetadata: stream.isMetadata,
  isPublished: stream.isPublished,
  packetCount: stream.packetCount,
  byteCount: stream.byteCount,
  indexCount: stream.model.indexCount,
  eventsDiscarded: stream.losses.eventsDiscarded,
  packetsLost: stream.losses.packetsLost,
  heardAtMillis: wallMillisOf(stream.heardAt)
})

const viewerStatus = ({ connection, lagPacketCount, lagNanos }: Attached): ViewerStatus => ({
  connectionId: connection.id,
  peer: connection.peer,
  lagPacketCount,
  lagNanos
})

/** A peer may claim any 64-bit number. */
const secondsOf = (time: bigint): number =>
  time > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(time)

const spoolOf = (report: Said, { received, suspendedAt }: Journal) => ({
  byteCount: countOf(report.spoolBytes),
  edgeByteCount: countOf(report.edgeSpoolBytes),
  edgeByteCountMax: countOf(report.edgeSpoolBytesMax),
  ...lagOf(report, received, suspendedAt === undefined, clockMillis()),
  oldestMillis: countOf(report.oldestMillis)
})

/** The edge that a session comes by, if it does. */
const edgeOf = (journal: Journal | undefined): Pick<SessionStatus, "edge"> => {
  if (journal === undefined) return {}
  const { edgeName: name, report, suspendedAt } = journal
  return {
    edge: {
      name,
      ...(suspendedAt !== undefined && { suspendedAtMillis: wallMillisOf(suspendedAt) }),
      ...(report !== undefined && { spool: spoolOf(report, journal) })
    }
  }
}

const sessionStatus = (session: SessionActor, journals: Journals): SessionStatus => {
  const { closedTotals, identity, viewers } = session
  return {
    id: session.id,
    name: identity.sessionName,
    hostname: identity.hostname,
    minor: identity.minor,
    liveTimerMicros: identity.liveTimer,
    isSnapshot: identity.isSnapshot,
    outputPath: identity.outputPath,
    creationTimeSeconds: secondsOf(identity.creationTime),
    viewerCount: viewers.count,
    stallCount: viewers.stallCount,
    isStalled: session.isStalled,
    ...edgeOf(journals.ofSession(session.id)),
    closedChannels: Array.from(closedTotals, ([channelName, totals]) => ({ channelName, ...totals })),
    viewers: Array.from(viewers.attached, viewerStatus),
    streams: Array.from(session.streams.values(), streamStatus)
  }
}

export const sessions = (registry: Service): ReadonlyArray<SessionStatus> =>
  Array.from(registry.sessions.values(), (session) => sessionStatus(session, registry.journals))

export const counters = (registry: Service): Counters => {
  const { totals, pool, halves, journals, options, store } = registry
  // Those of an edge that keeps no copy have no descriptor.
  const { keepsNothing = false } = store.retraceable.plain
  const sum = { ...totals }
  let viewerCount = 0
  for (const session of registry.sessions.values()) viewerCount += session.viewers.count
  for (const stream of registry.streams.values()) Totals.add(sum, Totals.of(stream))
  return {
    sessionCount: registry.sessions.size,
    streamCount: registry.streams.size,
    viewerCount,
    traceChunkCount: registry.chunks.count,
    ...sum,
    memoryBytes: pool.usedBytes,
    memoryBytesMax: pool.bytesMax,
    halvesBytes: halves.usedBytes,
    halvesBytesMax: halves.bytesMax,
    openFileCount: keepsNothing ? 0 : store.pool.openCount,
    journals: { ...journals.counts, countMax: options.journalCountMax }
  }
}

const connectionStatus = (connection: Connection): ConnectionStatus => {
  const { id, port, peer, openedAt, closedAt, reason, complaint, sessionId, heldBackBy } = connection
  return {
    id,
    port,
    peer,
    openedAtMillis: wallMillisOf(openedAt),
    ...(closedAt !== undefined && { closedAtMillis: wallMillisOf(closedAt) }),
    ...(reason !== undefined && { reason }),
    ...(complaint !== "" && { complaint }),
    ...(sessionId !== undefined && { sessionId }),
    ...(heldBackBy !== undefined && { heldBackBy }),
    receivedByteCount: connection.receivedByteCount,
    heldBackMillis: connection.heldBackMillis
  }
}

export const connections = (registry: Service): ReadonlyArray<ConnectionStatus> =>
  Array.from(registry.tally.connections.current, connectionStatus)

/** The last of those that ended, the newest last. */
export const closedConnections = (registry: Service): ReadonlyArray<ConnectionStatus> =>
  registry.tally.connections.closed.map(connectionStatus)

const commands = (nameOf: (number: number) => string, counts: Float64Array, refusals?: Float64Array) =>
  Array.from(counts, (count, number) => ({
    name: nameOf(number),
    count,
    refusedCount: refusals?.[number] ?? 0
  })).filter(({ count }) => count > 0)

const micros = ({ count, counts, sum }: Histogram): Micros => ({ counts: [...counts], sum, count })

const counted = (counts: ReadonlyMap<string, number>) => Array.from(counts, ([code, count]) => ({ code, count }))

const deviceFigures = ({ devices: gate, figures }: FilePool): ReadonlyArray<DeviceFigures> =>
  Array.from(figures.all, (device) => ({
    id: device.id,
    writtenBytes: { ...device.writtenBytes },
    ...(device.lastWrite !== undefined && { lastWrite: device.lastWrite }),
    bytesInFlight: device.bytesInFlight,
    operationsInFlight: device.operationsInFlight,
    operationsWaiting: gate.waitingCount(device.id),
    oldestMillis: device.oldestMillis,
    micros: {
      write: micros(device.micros.write),
      read: micros(device.micros.read),
      sync: micros(device.micros.sync)
    },
    errors: counted(device.errors)
  }))

export const devices = ({ store: { pool } }: Service): Devices => ({
  devices: deviceFigures(pool),
  errors: counted(pool.figures.errors)
})

export const activity = ({ incidents, tally }: Service): Activity => {
  return {
    openedConnections: { ...tally.connections.openedCounts },
    ...tally.connections.counts,
    connectionEnds: [...tally.connections.ends],
    incidents: counted(incidents.counts),
    heldBackMillis: tally.connections.heldBackMillis,
    controlCommands: commands(Control.nameOf, tally.controlCommands, tally.controlRefusals),
    liveCommands: commands(Live.nameOf, tally.liveCommands),
    beaconCount: tally.beaconCount,
    answerMicros: micros(tally.answerMicros)
  }
}
