/**
 * The relay as it is at one moment, as plain values with codecs: for embedding programs and for whoever shows them.
 *
 * Every value is its own JSON form: numbers are exact, times are milliseconds since the epoch, absent means unknown.
 */
import { Schema } from "effect"
import { causes, ports } from "./ConnectionKinds.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
/** A count that a tracer reports, or a sum of such counts: beyond 2⁵³ it is rounded. */
export const Lost = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))
const Millis = Schema.Finite

/** What one stream received, and what its tracer lost meanwhile. */
export const StreamStatus = Schema.Struct({
  /** The handle that the relay gave it (streaming.md §4). */
  id: Count,
  /** Directory of the stream inside its trace chunk. */
  path: Schema.String,
  channelName: Schema.String,
  isMetadata: Schema.Boolean,
  /** Viewers know of it. */
  isPublished: Schema.Boolean,
  packetCount: Count,
  byteCount: Count,
  /** Packets whose index is complete. */
  indexCount: Count,
  /** Events that the tracer had no room for, by its own count since it began the stream. */
  eventsDiscarded: Lost,
  /** Packets that are missing between those that came. */
  packetsLost: Lost,
  /** When a packet or a beacon came last. */
  heardAtMillis: Millis
})
/** What one stream received, and what its tracer lost meanwhile. */
export interface StreamStatus extends Schema.Schema.Type<typeof StreamStatus> {}

/** A viewer attached to a session. */
export const ViewerStatus = Schema.Struct({
  connectionId: Count,
  /** `address:port`. */
  peer: Schema.String,
  /** Indexed packets that it has not asked for yet, over all streams. */
  lagPacketCount: Count,
  /** ns of trace clock between what it was given last and what came last, in the stream where that is longest. */
  lagNanos: Schema.Finite
})
/** A viewer attached to a session. */
export interface ViewerStatus extends Schema.Schema.Type<typeof ViewerStatus> {}

/** One session of a target, now. */
export const SessionStatus = Schema.Struct({
  id: Count,
  name: Schema.String,
  hostname: Schema.String,
  /** Protocol minor the target speaks. */
  minor: Count,
  /** 0 = not live. */
  liveTimerMicros: Count,
  isSnapshot: Schema.Boolean,
  /** Relative to the output directory. */
  outputPath: Schema.String,
  creationTimeSeconds: Schema.Int,
  viewerCount: Count,
  /** How often a stream of a live session was found silent for several live timer periods. */
  stallCount: Count,
  /** The edge that brings the session (docs/edge.md); absent: its target is connected itself. */
  edge: Schema.optionalKey(
    Schema.Struct({
      name: Schema.String,
      /** Since when the edge is gone and the session waits for it; absent: it is connected. */
      suspendedAtMillis: Schema.optionalKey(Millis),
      /** What the edge reported last, some seconds ago or before it was gone; absent: nothing yet. */
      spool: Schema.optionalKey(
        Schema.Struct({
          /** Bytes in the edge's spool: of the journal that brings the session; of all; and the most there may be. */
          byteCount: Count,
          edgeByteCount: Count,
          edgeByteCountMax: Count,
          /**
           * Records that the edge heard and the relay has not carried out, and the age of the oldest in ms; 0: none. If
           * nothing was taken from a connected edge for more than ten seconds, that time is added.
           */
          lagRecordCount: Count,
          lagMillis: Schema.Finite,
          /** Age in ms of the oldest record that the edge keeps. */
          oldestMillis: Schema.Finite
        })
      )
    })
  ),
  /** Nothing was heard of a live session for ten live timers and five seconds. */
  isStalled: Schema.Boolean,
  /** Totals of closed streams, by channel; open streams have their own. */
  closedChannels: Schema.Array(
    Schema.Struct({
      channelName: Schema.String,
      packetCount: Count,
      byteCount: Count,
      eventsDiscarded: Lost,
      packetsLost: Lost
    })
  ),
  viewers: Schema.Array(ViewerStatus),
  streams: Schema.Array(StreamStatus)
})
/** One session of a target, now. */
export interface SessionStatus extends Schema.Schema.Type<typeof SessionStatus> {}

/** What ended sessions of one name have received, while others of that name go on. */
export interface Ended {
  readonly hostname: string
  readonly name: string
  /** By channel name. */
  readonly channels: ReadonlyMap<
    string,
    Pick<SessionStatus["closedChannels"][number], "packetCount" | "byteCount" | "eventsDiscarded" | "packetsLost">
  >
  readonly stallCount: number
}

/** The whole relay, now: counts, and bytes of memory. */
export const Counters = Schema.Struct({
  sessionCount: Count,
  streamCount: Count,
  viewerCount: Count,
  traceChunkCount: Count,
  /** This and the next three: of all sessions since the relay started. */
  packetCount: Count,
  byteCount: Count,
  eventsDiscarded: Lost,
  packetsLost: Lost,
  /** Packet memory in use between sockets and files, of `memoryBytesMax`. */
  memoryBytes: Count,
  memoryBytesMax: Count,
  /** Memory of indexes without packets and packets without indexes, of `halvesBytesMax`. */
  halvesBytes: Count,
  halvesBytesMax: Count,
  /** Descriptors held by trace files. */
  openFileCount: Count,
  /** Journals of edges. `openCount`, suspended ones included, is limited to `countMax`. Absent: not all may be seen. */
  journals: Schema.optionalKey(
    Schema.Struct({ openCount: Count, suspendedCount: Count, waitingCount: Count, countMax: Count })
  )
})
/** The whole relay, now: counts, and bytes of memory. */
export interface Counters extends Schema.Schema.Type<typeof Counters> {}

/** Whether the relay makes sessions. */
export const Drain = Schema.Struct({
  isDraining: Schema.Boolean,
  /** When it was asked for. */
  sinceMillis: Schema.optionalKey(Millis),
  /** When the sessions that are left are ended. Absent: never. */
  deadlineMillis: Schema.optionalKey(Millis),
  /** Sessions that are left, without those that come by edges: these outlive the relay. */
  sessionCount: Count,
  /** Sessions that come by edges: they go on, and nobody waits for them. */
  edgeSessionCount: Schema.optionalKey(Count)
})
/** Whether the relay makes sessions. */
export interface Drain extends Schema.Schema.Type<typeof Drain> {}

/** µs: `counts[i]` observations were at most 2^i, and in no bucket before; `sum` and `count` are of all. */
export const Micros = Schema.Struct({ counts: Schema.Array(Count), sum: Schema.Finite, count: Count })
/** Observations by power of two. */
export interface Micros extends Schema.Schema.Type<typeof Micros> {}

/** What the relay does and did to the files of one device. */
export const DeviceFigures = Schema.Struct({
  /** As the system numbers it (`st_dev`). */
  id: Schema.Finite,
  /** Quick: in the turn that received the bytes, or by a thread beside it. Careful: by the file system's threads. */
  writtenBytes: Schema.Struct({ quick: Count, careful: Count }),
  /** How the last write went. Absent: nothing was written yet. */
  lastWrite: Schema.optionalKey(Schema.Literals(["quick", "careful"])),
  /** Bytes of writes that are under way or wait for their turn. */
  bytesInFlight: Count,
  operationsInFlight: Count,
  operationsWaiting: Count,
  /** ms since the oldest operation under way began; 0 without one. */
  oldestMillis: Millis,
  micros: Schema.Struct({ write: Micros, read: Micros, sync: Micros }),
  /** Failed operations by the system's code. */
  errors: Schema.Array(Schema.Struct({ code: Schema.String, count: Count }))
})
/** What the relay does and did to the files of one device. */
export interface DeviceFigures extends Schema.Schema.Type<typeof DeviceFigures> {}

/** All devices with files of the relay, and what failed before it was known on which. */
export const Devices = Schema.Struct({
  devices: Schema.Array(DeviceFigures),
  /** Failed operations on names, as opening a file or making a directory, by the system's code. */
  errors: Schema.Array(Schema.Struct({ code: Schema.String, count: Count }))
})
/** All devices with files of the relay, and what failed before it was known on which. */
export interface Devices extends Schema.Schema.Type<typeof Devices> {}

const Port = Schema.Literals(ports)
const Cause = Schema.Literals(causes)

/** One connection, open or closed. */
export const ConnectionStatus = Schema.Struct({
  id: Count,
  port: Port,
  /** `address:port` of the other side. */
  peer: Schema.String,
  openedAtMillis: Millis,
  closedAtMillis: Schema.optionalKey(Millis),
  /** Why it ended: a close reason of `docs/errors.md`. */
  reason: Schema.optionalKey(Schema.String),
  /** What the peer did wrong, if it did. */
  complaint: Schema.optionalKey(Schema.String),
  /** The session it belongs to, once known. */
  sessionId: Schema.optionalKey(Count),
  receivedByteCount: Count,
  /** Why nothing is read from it now; absent while it is read. */
  heldBackBy: Schema.optionalKey(Cause),
  heldBackMillis: Schema.Record(Cause, Millis)
})
/** One connection, open or closed. */
export interface ConnectionStatus extends Schema.Schema.Type<typeof ConnectionStatus> {}

/** `refusedCount`: of the streaming protocol's only; a viewer hears in its answer that there is nothing. */
const Commands = Schema.Array(Schema.Struct({ name: Schema.String, count: Count, refusedCount: Count }))

/** Everything that is counted, since the relay started. */
export const Activity = Schema.Struct({
  openedConnections: Schema.Record(Port, Count),
  /** How many are open now. */
  openConnections: Schema.Record(Port, Count),
  /** How many are held back now: nothing is read from them. */
  heldBackConnections: Schema.Record(Cause, Count),
  connectionEnds: Schema.Array(Schema.Struct({ port: Port, reason: Schema.String, count: Count })),
  /** Refusals and failures that happened, by their code in `docs/errors.md`. */
  incidents: Schema.Array(Schema.Struct({ code: Schema.String, count: Count })),
  /** ms, summed over all connections. */
  heldBackMillis: Schema.Record(Cause, Millis),
  controlCommands: Commands,
  liveCommands: Commands,
  beaconCount: Count,
  /** Time from the read that brought commands to the write of their answers. */
  answerMicros: Micros
})
/** Everything that is counted, since the relay started. */
export interface Activity extends Schema.Schema.Type<typeof Activity> {}
