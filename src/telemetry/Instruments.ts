/**
 * The relay's metrics, declared once: `/metrics`, OTLP and `docs/metrics.md` are made from this table.
 *
 * Names carry the base unit; counters end in `_total`. What is `stable` keeps its name, unit and labels until the next
 * major version.
 */
export type Kind = "counter" | "gauge" | "histogram"
export type Unit = "bytes" | "seconds" | "packets" | "events" | "1"

export interface Instrument {
  readonly name: string
  readonly kind: Kind
  readonly unit: Unit
  readonly labels: ReadonlyArray<string>
  readonly stability: "stable" | "development"
  /** One sentence that says what a value of 1 means. */
  readonly help: string
}

const prefix = "lttng_relay_"

/** The unit in which a name ends, before `_total`. */
const unitOf = (name: string) => (/_(bytes|seconds|packets|events)(_total)?$/.exec(name)?.[1] ?? "1") as Unit

const none: ReadonlyArray<string> = []

const instrument =
  (kind: Kind) =>
  (name: string, help: string, labels = none, stability: Instrument["stability"] = "stable"): Instrument => ({
    name: `${prefix}${name}`,
    kind,
    unit: unitOf(name),
    labels,
    help,
    stability
  })

const counter = instrument("counter")
const gauge = instrument("gauge")
const histogram = instrument("histogram")

/** Labels that name one channel of a session on one host. */
const channel = ["host", "session", "channel"]
const session = ["host", "session"]
const losses = ["host", "session", "policy"]
/** The label that names a device: where it is mounted. */
const device = ["mountpoint"]

// What arrives.
export const receivedBytes = counter("received_bytes_total", "Trace data received, metadata included.")
export const receivedPackets = counter("received_packets_total", "Packets received, without those of metadata.")
export const beacons = counter("beacons_total", "Inactivity beacons received.")
export const sessions = gauge("sessions", "Sessions that stream to the relay now.")
export const streams = gauge("streams", "Streams that are open now.")
export const traceChunks = gauge("trace_chunks", "Trace chunks in use.", none, "development")
export const channelBytes = counter(
  "channel_received_bytes_total",
  "Trace data received of a channel of a session that streams now.",
  channel
)
export const channelPackets = counter(
  "channel_received_packets_total",
  "Packets received of a channel of a session that streams now.",
  channel
)

// What the tracers lost.
export const discardedEvents = counter(
  "tracer_discarded_events_total",
  "Events that tracers had no room for, by their own count."
)
export const lostPackets = counter(
  "tracer_lost_packets_total",
  "Packets that tracers overwrote before they were sent, by the gaps in their numbers."
)
export const channelDiscardedEvents = counter(
  "channel_discarded_events_total",
  "Events that the tracer had no room for in a channel of a session that streams now.",
  channel
)
export const channelLostPackets = counter(
  "channel_lost_packets_total",
  "Packets missing in a channel of a session that streams now.",
  channel
)

// How late everything is.
export const channelSilence = gauge(
  "channel_silence_seconds",
  "Time since the last packet or beacon, of the stream of the channel where that is longest.",
  channel
)
export const stalls = counter(
  "session_stalls_total",
  "Times a stream of a live session said nothing for several live timer periods.",
  session
)
export const viewers = gauge("viewers", "Viewers that are attached to sessions.")
export const viewerLagSeconds = gauge(
  "viewer_lag_seconds",
  "Trace time between what arrived last and what the slowest viewer of the session was given.",
  session
)
export const viewerLagPackets = gauge(
  "viewer_lag_packets",
  "Packets that the slowest viewer of the session has not asked for yet.",
  session
)

// Which connections are held back, and why.
export const heldBackSeconds = counter(
  "held_back_seconds_total",
  "Time in which nothing was read from connections, summed over them.",
  ["cause"]
)
export const heldBack = gauge("held_back_connections", "Connections that nothing is read from now.", ["cause"])
export const memoryBytes = gauge("memory_bytes", "Memory in use by owner.", ["owner"])
export const memoryLimit = gauge("memory_limit_bytes", "What an owner may use.", ["owner"])

// Connections and commands.
export const connections = gauge(
  "connections",
  "Connections that are open, with those of tracers that edges carry in one.",
  ["port"]
)
export const connectionsOpened = counter(
  "connections_total",
  "Connections accepted, with those of tracers that edges carry in one.",
  ["port"]
)
export const connectionEnds = counter(
  "connection_ends_total",
  "Connections that ended, by the reason that the log names.",
  ["port", "reason"]
)
export const incidents = counter("incidents_total", "Refusals and failures, by their code in docs/errors.md.", ["code"])
export const commands = counter(
  "commands_total",
  "Commands received, of the streaming protocol (control) and of the live protocol (live).",
  ["protocol", "command"]
)
export const refusedCommands = counter(
  "refused_commands_total",
  "Commands of the streaming protocol that were refused, whether the connection went on or not.",
  ["protocol", "command"]
)
export const answerLatency = histogram(
  "answer_latency_seconds",
  "From the read that brought a command to the write of its answer."
)
export const protocolMinors = gauge(
  "sessions_by_minor",
  "Sessions that stream now, by the minor version of their protocol.",
  ["minor"]
)

export const certificateEnd = gauge(
  "tls_certificate_end_time_seconds",
  "When the relay's TLS certificate, or one that comes with it, ends, Unix time; absent without TLS."
)
export const clientsEnd = gauge(
  "tls_clients_end_time_seconds",
  "When the first authority or revocation list that TLS clients are judged by ends, Unix time; absent without any."
)
export const refusedFile = gauge(
  "refused_file",
  "1 while what is in the file of the access rules (access), or those of TLS (tls), cannot be used; absent without any.",
  ["file"]
)
export const handshakes = counter(
  "tls_handshakes_total",
  "TLS handshakes that let a peer in (good), or did not (failed).",
  ["outcome"]
)
export const handshakesNow = gauge(
  "tls_handshakes",
  "TLS handshakes that have not begun because so many a second do (waiting), or are under way (under_way).",
  ["state"]
)

// Sessions that come by an edge, at the relay.
export const sessionsByEdge = gauge(
  "sessions_by_edge",
  "Sessions that come by an edge: connected, or suspended while it is gone.",
  ["state"]
)
export const journals = gauge(
  "journals",
  "Tracing sessions of edges that the relay keeps: open, of which suspended; waiting for room, a quota or a right.",
  ["state"]
)
export const journalLimit = gauge("journal_limit", "So many may be open (--max-journals).")
export const sessionSuspended = gauge(
  "session_suspended_seconds",
  "Since when the edge of the session is gone; 0: it is connected.",
  session
)
export const sessionEdgeLag = gauge(
  "session_edge_lag_seconds",
  "How old the oldest is of what the edge has of the session and the relay has not, as the edge said last; and, " +
    "beyond 10 s, since when nothing is taken of an edge that is connected.",
  session
)
export const sessionEdgeSpool = gauge(
  "session_edge_spool_bytes",
  "What the edge keeps of the session, as it said last.",
  session
)

// An edge, at its own port.
export const edgeSpoolBytes = gauge("edge_spool_bytes", "What is in the edge's spool.")
export const edgeSpoolLimit = gauge("edge_spool_limit_bytes", "What the spool may have.")
export const edgeSpoolFull = gauge(
  "edge_spool_full",
  "1 while tracers are held back because the spool has no room or its disk cannot be written, else 0."
)
export const edgeOldest = gauge(
  "edge_spool_oldest_seconds",
  "How old the oldest is of what the edge keeps; 0: nothing."
)
export const edgeLag = gauge(
  "edge_lag_seconds",
  "How old the oldest is of what the relay has not carried out; 0: nothing."
)
export const edgeHeardBytes = counter("edge_heard_bytes_total", "What tracers said, as it is in the spool.")
export const edgeSentBytes = counter("edge_sent_bytes_total", "What was sent to the relay.")
export const edgeResentBytes = counter(
  "edge_resent_bytes_total",
  "Of what was sent to the relay, what had been sent before a connection was lost."
)
export const edgeSavedBytes = counter(
  "edge_saved_bytes_total",
  "By how much longer what was sent to the relay would have been without compression."
)
export const edgeLinkUp = gauge("edge_link_up", "0 while the relay cannot be reached, else 1.")
export const edgeConnected = gauge(
  "edge_connected_journals",
  "Tracing sessions that are being brought to the relay now."
)
export const edgeLinkLosses = counter("edge_link_losses_total", "Connections to the relay that were lost.")
export const edgeJournals = gauge(
  "edge_journals",
  "Tracing sessions in the spool: recording, or ended at the tracer and not at the relay.",
  ["state"]
)
export const edgePassedJournals = gauge(
  "edge_passed_journals",
  "Of those, the ones that come by other edges: connected, or suspended while theirs is gone.",
  ["state"]
)

export const edgeLostParts = counter(
  "edge_lost_parts_total",
  "Consumer daemons whose part of a session has ended at the relay alone: what they send is not recorded."
)
export const edgeDroppedPackets = counter(
  "edge_dropped_packets_total",
  "Packets thrown away: for want of room (drop), too old (age), of a session ended for want of room (stop), or by the relay (ended).",
  losses
)
export const edgeDroppedBytes = counter("edge_dropped_bytes_total", "The same in bytes.", losses)

// Devices.
export const fileLatency = histogram(
  "file_latency_seconds",
  "From handing an operation on a trace file to the system until it is done: write, read, sync.",
  ["mountpoint", "operation"]
)
export const fileErrors = counter("file_errors_total", "Operations on trace files that failed, by the system's code.", [
  "mountpoint",
  "code"
])
export const writtenBytes = counter(
  "device_written_bytes_total",
  "Bytes written: at once or by a writer thread (quick), by the file system's threads (careful).",
  ["mountpoint", "path"]
)
export const deviceInFlight = gauge(
  "device_in_flight_bytes",
  "Bytes whose write was asked for and is not done.",
  device
)
export const deviceOperations = gauge(
  "device_operations",
  "Operations that are under way (in_flight), or wait for their turn (waiting).",
  ["mountpoint", "state"]
)
export const deviceOldestOperation = gauge(
  "device_oldest_operation_seconds",
  "Since when the oldest operation is under way: a device that hangs finishes none.",
  device
)
export const deviceFreeSpace = gauge("device_free_bytes", "Free space of a device.", device)
export const deviceSpace = gauge("device_size_bytes", "Size of a device.", device)

// Service.
export const draining = gauge("draining", "1 while no new sessions are made, else 0.")

// The process and its machine.
export const buildInfo = gauge("build_info", "1, with the version as label.", ["version", "node"])
export const startTime = gauge("start_time_seconds", "When the relay started, Unix time.")
export const cpu = counter("cpu_seconds_total", "Processor time of the process.", ["mode"])
export const residentMemory = gauge("resident_memory_bytes", "Resident memory.")
export const heapBytes = gauge("heap_bytes", "JavaScript heap in use.", none, "development")
export const loopDelay = gauge(
  "event_loop_delay_seconds",
  "How late timers of the event loop were since the last scrape or export.",
  ["statistic"]
)
export const openFiles = gauge("open_trace_files", "Descriptors held by trace files.")
export const openDescriptors = gauge("open_descriptors", "Descriptors of the process.")
export const descriptorLimit = gauge("descriptor_limit", "Descriptors the relay may use.")
export const freeSpace = gauge("output_free_bytes", "Free space where traces are stored.")
export const cappedSeries = gauge(
  "capped_series",
  "Channels and sessions left out of the metrics with a session label, because there are too many."
)
