/** One reading of all instruments, made from the relay's status and the process's own figures. Pure. */
import { Schema } from "effect"
import type { Activity, Counters, Drain, Micros, SessionStatus } from "../relay/Status.ts"
import type { Device } from "./Device.ts"
import * as Instruments from "./Instruments.ts"
import { type Distribution, type Sample, sample } from "./Sample.ts"
import * as Series from "./Series.ts"

/** Figures of the process and its machine. */
export const ProcessFigures = Schema.Struct({
  version: Schema.String,
  node: Schema.String,
  startSeconds: Schema.Finite,
  cpuUserSeconds: Schema.Finite,
  cpuSystemSeconds: Schema.Finite,
  residentBytes: Schema.Int,
  heapBytes: Schema.Int,
  /** How late the event loop was since the reader's last reading, in seconds. */
  loopDelay: Schema.Struct({ median: Schema.Finite, p99: Schema.Finite, max: Schema.Finite }),
  openDescriptors: Schema.Int,
  descriptorLimit: Schema.Int,
  /** Space where traces go; absent: the file system does not say. */
  freeBytes: Schema.optionalKey(Schema.Int),
  totalBytes: Schema.optionalKey(Schema.Int),
  freeFileCount: Schema.optionalKey(Schema.Int),
  /** The system's code if nothing can be made in the output directory, as ENOTCONN or EROFS. */
  outputFault: Schema.optionalKey(Schema.String)
})
export interface ProcessFigures extends Schema.Schema.Type<typeof ProcessFigures> {}

/** TLS handshakes so far (good, failed), and now (waiting, under way). */
export interface Handshakes {
  readonly goodCount: number
  readonly failedCount: number
  readonly waitingCount: number
  readonly underWayCount: number
}

export interface Reading extends Series.Sessions {
  readonly counters: Counters
  readonly activity: Activity
  readonly drain: Drain
  readonly devices: ReadonlyArray<Device>
  /** When what the relay's TLS uses ends; undefined: there is no TLS. */
  readonly tlsEnds?: { readonly certificateMillis: number; readonly clientsMillis: number | undefined } | undefined
  readonly handshakes?: Handshakes | undefined
  /** Files that are read again while the relay runs; true: the file could not be used when it was read last. */
  readonly refusedFiles?: ReadonlyMap<string, boolean> | undefined
  readonly process: ProcessFigures
  /** Samples beside the relay's. */
  readonly more?: ReadonlyArray<Sample> | undefined
}

const ofJournals = (journals: NonNullable<Counters["journals"]>): ReadonlyArray<Sample> => [
  sample(Instruments.journals, journals.openCount, "open"),
  sample(Instruments.journals, journals.suspendedCount, "suspended"),
  sample(Instruments.journals, journals.waitingCount, "waiting"),
  sample(Instruments.journalLimit, journals.countMax)
]

const ofCounters = (counters: Counters): ReadonlyArray<Sample> => [
  sample(Instruments.receivedBytes, counters.byteCount),
  sample(Instruments.receivedPackets, counters.packetCount),
  sample(Instruments.discardedEvents, counters.eventsDiscarded),
  sample(Instruments.lostPackets, counters.packetsLost),
  sample(Instruments.sessions, counters.sessionCount),
  sample(Instruments.streams, counters.streamCount),
  sample(Instruments.viewers, counters.viewerCount),
  sample(Instruments.traceChunks, counters.traceChunkCount),
  sample(Instruments.memoryBytes, counters.memoryBytes, "packets"),
  sample(Instruments.memoryBytes, counters.halvesBytes, "halves"),
  sample(Instruments.memoryLimit, counters.memoryBytesMax, "packets"),
  sample(Instruments.memoryLimit, counters.halvesBytesMax, "halves"),
  sample(Instruments.openFiles, counters.openFileCount),
  ...(counters.journals === undefined ? [] : ofJournals(counters.journals))
]

/** A histogram of µs by powers of two, in seconds. Only buckets from 8 µs to 8 s are shown: others are of no use. */
const latency = ({ counts, sum, count }: Micros): Distribution => {
  let sumSoFar = 0
  const buckets = counts.map((own, power) => {
    sumSoFar += own
    return { limit: 2 ** power / 1e6, count: sumSoFar }
  })
  const shown = buckets.filter((_, power) => power >= 3 && power <= 23)
  return { buckets: [...shown, { limit: Number.POSITIVE_INFINITY, count }], sum: sum / 1e6, count }
}

const ofActivity = (activity: Activity): ReadonlyArray<Sample> => [
  sample(Instruments.beacons, activity.beaconCount),
  ...Object.entries(activity.openedConnections).map(([port, count]) =>
    sample(Instruments.connectionsOpened, count, port)
  ),
  ...activity.incidents.map(({ code, count }) => sample(Instruments.incidents, count, code)),
  ...activity.connectionEnds.map(({ port, reason, count }) => sample(Instruments.connectionEnds, count, port, reason)),
  ...Object.entries(activity.heldBackMillis).map(([cause, millis]) =>
    sample(Instruments.heldBackSeconds, millis / 1000, cause)
  ),
  ...(["control", "live"] as const).flatMap((protocol) =>
    activity[`${protocol}Commands`].flatMap(({ name, count, refusedCount }) => [
      sample(Instruments.commands, count, protocol, name),
      ...(refusedCount > 0 ? [sample(Instruments.refusedCommands, refusedCount, protocol, name)] : [])
    ])
  ),
  sample(Instruments.answerLatency, latency(activity.answerMicros))
]

const ofHandshakes = (handshakes: Handshakes): ReadonlyArray<Sample> => [
  sample(Instruments.handshakes, handshakes.goodCount, "good"),
  sample(Instruments.handshakes, handshakes.failedCount, "failed"),
  sample(Instruments.handshakesNow, handshakes.waitingCount, "waiting"),
  sample(Instruments.handshakesNow, handshakes.underWayCount, "under_way")
]

const ofTlsEnds = ({ certificateMillis, clientsMillis }: NonNullable<Reading["tlsEnds"]>): ReadonlyArray<Sample> => [
  sample(Instruments.certificateEnd, certificateMillis / 1000),
  ...(clientsMillis === undefined ? [] : [sample(Instruments.clientsEnd, clientsMillis / 1000)])
]

const ofConnections = ({ activity, handshakes, sessions, tlsEnds }: Reading): ReadonlyArray<Sample> => {
  const byMinor = new Map<number, number>()
  for (const { minor } of sessions) byMinor.set(minor, (byMinor.get(minor) ?? 0) + 1)
  return [
    ...Object.entries(activity.openConnections).map(([port, count]) => sample(Instruments.connections, count, port)),
    ...Object.entries(activity.heldBackConnections).map(([cause, count]) => sample(Instruments.heldBack, count, cause)),
    ...(tlsEnds === undefined ? [] : ofTlsEnds(tlsEnds)),
    ...(handshakes === undefined ? [] : ofHandshakes(handshakes)),
    ...Array.from(byMinor, ([minor, count]) => sample(Instruments.protocolMinors, count, String(minor)))
  ]
}

/** Counts of the sessions that come by edges, by state. */
const ofEdges = (sessions: ReadonlyArray<SessionStatus>): ReadonlyArray<Sample> => {
  const edges = sessions.flatMap(({ edge }) => edge ?? [])
  const suspendedCount = edges.filter(({ suspendedAtMillis }) => suspendedAtMillis !== undefined).length
  return [
    sample(Instruments.sessionsByEdge, edges.length - suspendedCount, "connected"),
    sample(Instruments.sessionsByEdge, suspendedCount, "suspended")
  ]
}

const ofFiles = (refused: ReadonlyMap<string, boolean> = new Map()): ReadonlyArray<Sample> =>
  Array.from(refused, ([file, isRefused]) => sample(Instruments.refusedFile, isRefused ? 1 : 0, file))

/** Devices with unique mount points, so that no series is there twice. */
const named = (devices: ReadonlyArray<Device>): ReadonlyArray<Device> => {
  const taken = new Set<string>()
  return devices.map((device) => {
    const mountpoint = taken.has(device.mountpoint) ? `device ${device.id}` : device.mountpoint
    taken.add(mountpoint)
    return { ...device, mountpoint }
  })
}

const ofDevice = (device: Device): ReadonlyArray<Sample> => {
  const { errors, freeBytes, micros, mountpoint, totalBytes, writtenBytes } = device
  return [
    ...(["write", "read", "sync"] as const)
      .filter((operation) => micros[operation].count > 0)
      .map((operation) => sample(Instruments.fileLatency, latency(micros[operation]), mountpoint, operation)),
    ...errors.map(({ code, count }) => sample(Instruments.fileErrors, count, mountpoint, code)),
    sample(Instruments.writtenBytes, writtenBytes.quick, mountpoint, "quick"),
    sample(Instruments.writtenBytes, writtenBytes.careful, mountpoint, "careful"),
    sample(Instruments.deviceInFlight, device.bytesInFlight, mountpoint),
    sample(Instruments.deviceOperations, device.operationsInFlight, mountpoint, "in_flight"),
    sample(Instruments.deviceOperations, device.operationsWaiting, mountpoint, "waiting"),
    sample(Instruments.deviceOldestOperation, device.oldestMillis / 1000, mountpoint),
    ...(freeBytes === undefined ? [] : [sample(Instruments.deviceFreeSpace, freeBytes, mountpoint)]),
    ...(totalBytes === undefined ? [] : [sample(Instruments.deviceSpace, totalBytes, mountpoint)])
  ]
}

const ofProcess = (figures: ProcessFigures): ReadonlyArray<Sample> => [
  sample(Instruments.buildInfo, 1, figures.version, figures.node),
  sample(Instruments.startTime, figures.startSeconds),
  sample(Instruments.cpu, figures.cpuUserSeconds, "user"),
  sample(Instruments.cpu, figures.cpuSystemSeconds, "system"),
  sample(Instruments.residentMemory, figures.residentBytes),
  sample(Instruments.heapBytes, figures.heapBytes),
  ...Object.entries(figures.loopDelay).map(([statistic, seconds]) => sample(Instruments.loopDelay, seconds, statistic)),
  sample(Instruments.openDescriptors, figures.openDescriptors),
  sample(Instruments.descriptorLimit, figures.descriptorLimit),
  ...(figures.freeBytes === undefined ? [] : [sample(Instruments.freeSpace, figures.freeBytes)])
]

/** Samples in groups, one for each instrument. */
const grouped = (samples: ReadonlyArray<Sample>): ReadonlyArray<Sample> =>
  [...Map.groupBy(samples, ({ instrument }) => instrument).values()].flat()

/** Makes a reading, in steps between which the caller lets others work. The answer can be iterated more than once. */
export function* steps(reading: Reading): Generator<void, Iterable<Sample>> {
  const series = yield* Series.collect(reading)
  yield
  const few = grouped([
    ...ofCounters(reading.counters),
    ...ofActivity(reading.activity),
    ...ofConnections(reading),
    ...named(reading.devices).flatMap(ofDevice),
    sample(Instruments.draining, reading.drain.isDraining ? 1 : 0),
    ...ofEdges(reading.sessions),
    ...ofFiles(reading.refusedFiles),
    ...(reading.more ?? []),
    ...ofProcess(reading.process)
  ])
  return {
    *[Symbol.iterator]() {
      yield* few
      yield* Series.samples(series)
    }
  }
}
