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
  /** One sentence; what a value of 1 means. */
  readonly help: string
}

const prefix = "lttng_relay_"

const instrument = (
  kind: Kind,
  name: string,
  unit: Unit,
  labels: ReadonlyArray<string>,
  help: string,
  stability: Instrument["stability"] = "stable"
): Instrument => ({ name: `${prefix}${name}`, kind, unit, labels, help, stability })

/** What names one channel of a session on one host. */
const channel = ["host", "session", "channel"]

// What arrives.
export const receivedBytes = instrument("counter", "received_bytes_total", "bytes", [], "Trace data received.")
export const receivedPackets = instrument("counter", "received_packets_total", "packets", [], "Packets received.")
export const beacons = instrument("counter", "beacons_total", "1", [], "Inactivity beacons received.")
export const sessions = instrument("gauge", "sessions", "1", [], "Sessions that stream to the relay now.")
export const streams = instrument("gauge", "streams", "1", [], "Streams that are open now.")
export const traceChunks = instrument("gauge", "trace_chunks", "1", [], "Trace chunks in use.", "development")
export const channelBytes = instrument(
  "counter",
  "channel_received_bytes_total",
  "bytes",
  channel,
  "Trace data received of a channel of a session that streams now."
)
export const channelPackets = instrument(
  "counter",
  "channel_received_packets_total",
  "packets",
  channel,
  "Packets received of a channel of a session that streams now."
)

// What the tracers lost.
export const discardedEvents = instrument(
  "counter",
  "tracer_discarded_events_total",
  "events",
  [],
  "Events that tracers had no room for, by their own count."
)
export const lostPackets = instrument(
  "counter",
  "tracer_lost_packets_total",
  "packets",
  [],
  "Packets that tracers overwrote before they were sent, by the gaps in their numbers."
)
export const channelDiscardedEvents = instrument(
  "counter",
  "channel_discarded_events_total",
  "events",
  channel,
  "Events that the tracer had no room for in a channel of a session that streams now."
)
export const channelLostPackets = instrument(
  "counter",
  "channel_lost_packets_total",
  "packets",
  channel,
  "Packets missing in a channel of a session that streams now."
)

// How late everything is.
export const channelSilence = instrument(
  "gauge",
  "channel_silence_seconds",
  "seconds",
  channel,
  "Time since the last packet or beacon, of the stream of the channel where that is longest."
)
export const stalls = instrument(
  "counter",
  "session_stalls_total",
  "1",
  ["host", "session"],
  "Times a stream of a live session said nothing for several live timer periods."
)
export const viewers = instrument("gauge", "viewers", "1", [], "Viewers that are attached to sessions.")
export const viewerLagSeconds = instrument(
  "gauge",
  "viewer_lag_seconds",
  "seconds",
  ["host", "session"],
  "Trace time between what arrived last and what the slowest viewer of the session was given."
)
export const viewerLagPackets = instrument(
  "gauge",
  "viewer_lag_packets",
  "packets",
  ["host", "session"],
  "Packets that the slowest viewer of the session has not asked for yet."
)

// Which connections are held back, and why.
export const heldBackSeconds = instrument(
  "counter",
  "held_back_seconds_total",
  "seconds",
  ["cause"],
  "Time in which nothing was read from connections, summed over them."
)
export const heldBack = instrument(
  "gauge",
  "held_back_connections",
  "1",
  ["cause"],
  "Connections that nothing is read from now."
)
export const memoryBytes = instrument("gauge", "memory_bytes", "bytes", ["owner"], "Memory in use by owner.")
export const memoryLimit = instrument("gauge", "memory_limit_bytes", "bytes", ["owner"], "What an owner may use.")

// Connections and commands.
export const connections = instrument("gauge", "connections", "1", ["port"], "Connections that are open.")
export const connectionsOpened = instrument("counter", "connections_total", "1", ["port"], "Connections accepted.")
export const connectionEnds = instrument(
  "counter",
  "connection_ends_total",
  "1",
  ["port", "reason"],
  "Connections that ended, by the reason that the log names."
)
export const incidents = instrument(
  "counter",
  "incidents_total",
  "1",
  ["code"],
  "Refusals and failures, by their code in docs/errors.md."
)
export const commands = instrument(
  "counter",
  "commands_total",
  "1",
  ["protocol", "command"],
  "Commands received, of the streaming protocol (control) and of the live protocol (live)."
)
export const refusedCommands = instrument(
  "counter",
  "refused_commands_total",
  "1",
  ["protocol", "command"],
  "Commands whose answer ended the connection."
)
export const answerLatency = instrument(
  "histogram",
  "answer_latency_seconds",
  "seconds",
  [],
  "From the read that brought a command to the write of its answer."
)
export const protocolMinors = instrument(
  "gauge",
  "sessions_by_minor",
  "1",
  ["minor"],
  "Sessions that stream now, by the minor version of their protocol."
)

export const certificateEnd = instrument(
  "gauge",
  "tls_certificate_end_time_seconds",
  "seconds",
  [],
  "When the relay's TLS certificate ends, Unix time; absent without TLS."
)
export const handshakes = instrument(
  "counter",
  "tls_handshakes_total",
  "1",
  ["outcome"],
  "TLS handshakes that let a peer in (good), or did not (failed)."
)
export const handshakesNow = instrument(
  "gauge",
  "tls_handshakes",
  "1",
  ["state"],
  "TLS handshakes that have not begun because so many a second do (waiting), or are under way (under_way)."
)

// Sessions that come by an edge, at the relay.
export const sessionsByEdge = instrument(
  "gauge",
  "sessions_by_edge",
  "1",
  ["state"],
  "Sessions that come by an edge: connected, or suspended while it is gone."
)
export const journals = instrument(
  "gauge",
  "journals",
  "1",
  ["state"],
  "Tracing sessions of edges that the relay keeps: open, of which suspended; waiting for room, a quota or a right."
)
export const journalLimit = instrument("gauge", "journal_limit", "1", [], "So many may be open (--max-journals).")
export const sessionSuspended = instrument(
  "gauge",
  "session_suspended_seconds",
  "seconds",
  ["host", "session"],
  "Since when the edge of the session is gone; 0: it is connected."
)
export const sessionEdgeLag = instrument(
  "gauge",
  "session_edge_lag_seconds",
  "seconds",
  ["host", "session"],
  "How old the oldest is of what the edge has of the session and the relay has not, as the edge said last."
)
export const sessionEdgeSpool = instrument(
  "gauge",
  "session_edge_spool_bytes",
  "bytes",
  ["host", "session"],
  "What the edge keeps of the session, as it said last."
)

// An edge, at its own port.
export const edgeSpoolBytes = instrument("gauge", "edge_spool_bytes", "bytes", [], "What is in the edge's spool.")
export const edgeSpoolLimit = instrument("gauge", "edge_spool_limit_bytes", "bytes", [], "What the spool may have.")
export const edgeSpoolFull = instrument(
  "gauge",
  "edge_spool_full",
  "1",
  [],
  "1 while tracers are held back because the spool has no room or its disk cannot be written, else 0."
)
export const edgeOldest = instrument(
  "gauge",
  "edge_spool_oldest_seconds",
  "seconds",
  [],
  "How old the oldest is of what the edge keeps; 0: nothing."
)
export const edgeLag = instrument(
  "gauge",
  "edge_lag_seconds",
  "seconds",
  [],
  "How old the oldest is of what the relay has not carried out; 0: nothing."
)
export const edgeHeardBytes = instrument(
  "counter",
  "edge_heard_bytes_total",
  "bytes",
  [],
  "What tracers said, as it is in the spool."
)
export const edgeSentBytes = instrument("counter", "edge_sent_bytes_total", "bytes", [], "What was sent to the relay.")
export const edgeResentBytes = instrument(
  "counter",
  "edge_resent_bytes_total",
  "bytes",
  [],
  "Of what was sent to the relay, what had been sent before a connection was lost."
)
export const edgeLinkUp = instrument("gauge", "edge_link_up", "1", [], "0 while the relay cannot be reached, else 1.")
export const edgeConnected = instrument(
  "gauge",
  "edge_connected_journals",
  "1",
  [],
  "Tracing sessions that are being brought to the relay now."
)
export const edgeLinkLosses = instrument(
  "counter",
  "edge_link_losses_total",
  "1",
  [],
  "Connections to the relay that were lost."
)
export const edgeJournals = instrument(
  "gauge",
  "edge_journals",
  "1",
  ["state"],
  "Tracing sessions in the spool: recording, or ended at the tracer and not at the relay."
)
export const edgePassedJournals = instrument(
  "gauge",
  "edge_passed_journals",
  "1",
  ["state"],
  "Of those, the ones that come by other edges: connected, or suspended while theirs is gone."
)

const losses = ["host", "session", "policy"]
export const edgeDroppedPackets = instrument(
  "counter",
  "edge_dropped_packets_total",
  "1",
  losses,
  "Packets thrown away: for want of room (drop), too old (age), of a session ended for want of room (stop), or by the relay (ended)."
)
export const edgeDroppedBytes = instrument("counter", "edge_dropped_bytes_total", "bytes", losses, "The same in bytes.")

// Devices. A device is named by where it is mounted.
const device = ["mountpoint"]
export const fileLatency = instrument(
  "histogram",
  "file_latency_seconds",
  "seconds",
  ["mountpoint", "operation"],
  "From handing an operation on a trace file to the system until it is done: write, read, sync."
)
export const fileErrors = instrument(
  "counter",
  "file_errors_total",
  "1",
  ["mountpoint", "code"],
  "Operations on trace files that failed, by the system's code."
)
export const writtenBytes = instrument(
  "counter",
  "device_written_bytes_total",
  "bytes",
  ["mountpoint", "path"],
  "Bytes written: at once or by a writer thread (quick), by the file system's threads (careful)."
)
export const deviceInFlight = instrument(
  "gauge",
  "device_in_flight_bytes",
  "bytes",
  device,
  "Bytes whose write was asked for and is not done."
)
export const deviceOperations = instrument(
  "gauge",
  "device_operations",
  "1",
  ["mountpoint", "state"],
  "Operations that are under way (in_flight), or wait for their turn (waiting)."
)
export const deviceOldestOperation = instrument(
  "gauge",
  "device_oldest_operation_seconds",
  "seconds",
  device,
  "Since when the oldest operation is under way: a device that hangs finishes none."
)
export const deviceFreeSpace = instrument("gauge", "device_free_bytes", "bytes", device, "Free space of a device.")
export const deviceSpace = instrument("gauge", "device_size_bytes", "bytes", device, "Size of a device.")

// Service.
export const draining = instrument("gauge", "draining", "1", [], "1 while no new sessions are made, else 0.")

// The process and its machine.
export const buildInfo = instrument("gauge", "build_info", "1", ["version", "node"], "1, with the version as label.")
export const startTime = instrument("gauge", "start_time_seconds", "seconds", [], "When the relay started, Unix time.")
export const cpu = instrument("counter", "cpu_seconds_total", "seconds", ["mode"], "Processor time of the process.")
export const residentMemory = instrument("gauge", "resident_memory_bytes", "bytes", [], "Resident memory.")
export const heapBytes = instrument("gauge", "heap_bytes", "bytes", [], "JavaScript heap in use.", "development")
export const loopDelay = instrument(
  "gauge",
  "event_loop_delay_seconds",
  "seconds",
  ["statistic"],
  "How late timers of the event loop were since the last reading."
)
export const openFiles = instrument("gauge", "open_trace_files", "1", [], "Descriptors held by trace files.")
export const openDescriptors = instrument("gauge", "open_descriptors", "1", [], "Descriptors of the process.")
export const descriptorLimit = instrument("gauge", "descriptor_limit", "1", [], "Descriptors the relay may use.")
export const freeSpace = instrument("gauge", "output_free_bytes", "bytes", [], "Free space where traces are stored.")
export const cappedSeries = instrument(
  "gauge",
  "capped_series",
  "1",
  [],
  "Channels and sessions left out of the metrics with a session label, because there are too many."
)
