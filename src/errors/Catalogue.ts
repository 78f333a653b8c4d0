/**
 * Everything that can go wrong and that an operator can meet, each with a stable code: why connections end, what is
 * refused, what fails. Log lines print the code; docs/errors.md is this list for the reader, and a test compares them.
 * A code is never given another meaning; one that is no longer used is not used again.
 */

export interface Entry {
  /** How loud: `debug` is what happens all the time. */
  readonly level: "debug" | "warning" | "error"
  /** What happened, as the log line begins. */
  readonly text: string
  /** What it means for traces and peers, and what can be done. */
  readonly remedy: string
}

const entry = (level: Entry["level"], text: string, remedy: string): Entry => ({ level, text, remedy })

/** Why a connection ended. */
const connections = {
  PEER_CLOSED: entry("debug", "peer closed", "Nothing: the peer was done."),
  RELAY_STOPPED: entry("debug", "relay stopped", "Nothing: the relay ends, its files are complete."),
  PROTOCOL_ERROR: entry(
    "warning",
    "protocol error",
    "The peer sent what the protocol does not allow; its session ends, what came before is kept."
  ),
  UNKNOWN_STREAM: entry("warning", "unknown stream", "A packet for a stream that is closed or never was; as above."),
  COMMAND_REFUSED: entry("warning", "refused", "A command could not be carried out; the line says which and why."),
  SESSION_REFUSED: entry("debug", "session refused", "Its session was refused, for which there is a line of its own."),
  WRITE_FAILED: entry("warning", "write failed", "A file of the session could not be written: see FILE_FAILED."),
  SESSION_ABORTED: entry("warning", "session aborted", "Another connection of the same session ended with an error."),
  ENDED_BY_PROGRAM: entry(
    "warning",
    "ended by program",
    "The program around the relay, or an operator, ended it; its files are complete."
  ),
  SOCKET_ERROR: entry("warning", "socket error", "The network or the peer broke the connection; its session ends."),
  CONNECTION_STALLED: entry(
    "warning",
    "stalled",
    "The peer read nothing, or stopped inside a message, for the socket timeout: it was cut off."
  ),
  TARGET_VANISHED: entry(
    "warning",
    "target vanished",
    "Nothing was heard of a live session, and another of its host and name has come, or two minutes have passed."
  ),
  CONNECTION_DEFECT: entry("error", "connection failed", "A fault of the relay, kept to one connection: report it."),
  CONNECTION_LIMIT: entry(
    "warning",
    "connection refused",
    "As many are open as --max-connections or the descriptors allow; those go on. Raise the limit or ulimit -n. " +
      "Of an edge: 256 of one tracing session."
  ),
  HOST_REFUSED: entry("warning", "connection refused", "The program around the relay refuses this host."),
  TLS_REQUIRED: entry(
    "warning",
    "connection refused",
    "It speaks without TLS to a port that requires it (--tls): use lttng-relay tunnel on the peer's host."
  ),
  TLS_FAILED: entry(
    "warning",
    "TLS handshake failed",
    "The line has the system's code: no certificate, an unknown authority, expired, another version, no answer in time; " +
      "and, of a certificate that was refused, subject, issuer, serial number and dates. What the code says may be true " +
      "of one above it. Where HTTP is asked for, whoever shows it goes on as somebody without one."
  ),
  PROXY_REFUSED: entry(
    "warning",
    "connection refused",
    "It comes from an address of --proxy-from, and does not begin as a proxy does that speaks version 2 of its protocol, or asks for a part by name that is not served."
  ),
  TLS_IDENTITY: entry(
    "error",
    "TLS certificate not replaced",
    "What is in its files now cannot be used: the one read before stays in force. The line has the reason."
  ),
  TLS_EXPIRY: entry(
    "warning",
    "TLS certificate expires",
    "Within 30 days: make a new one (lttng-relay certs renew); it is read by itself."
  ),
  TLS_EARLY: entry(
    "warning",
    "TLS certificate not valid yet",
    "Nobody takes it, or is let in by it, before: the clock of this machine is wrong, or of the one that made it."
  ),
  ACCEPT_FAILED: entry("error", "connections cannot be accepted", "The system refuses; the relay goes on trying.")
} as const satisfies Record<string, Entry>

/** Commands of targets that are not carried out. */
const refusals = {
  SESSION_MALFORMED: entry("warning", "session refused", "The request is not one of the protocol's."),
  SESSION_UNVERSIONED: entry("warning", "session refused", "The peer did not say its version first."),
  SESSION_TWICE: entry("warning", "session refused", "The connection has a session already."),
  SESSION_NAME_UNSAFE: entry(
    "warning",
    "session refused",
    "A session or host name is empty, hidden (.name) or has a slash: name the session, or the host, otherwise."
  ),
  SESSION_PATH_UNSAFE: entry("warning", "session refused", "The path of the URL climbs (..): name it without."),
  SESSION_PATH_LONG: entry("warning", "session refused", "The session's path is longer than 4095 bytes."),
  SESSION_CHUNK_UNKNOWN: entry(
    "warning",
    "session refused",
    "It joins a trace chunk that is not here, for instance since the relay was restarted: make a new session."
  ),
  SESSION_DIRECTORY: entry(
    "error",
    "session refused",
    "Its directory cannot be made: the line has the system's reason (full, read-only, not permitted, name too long)."
  ),
  SESSION_HOST_REFUSED: entry("warning", "session refused", "The program around the relay refuses this host."),
  SESSION_DRAINING: entry(
    "warning",
    "session refused",
    "The relay is being drained and makes no sessions: use another relay, or take the drain back."
  ),
  SESSION_NOT_PERMITTED: entry(
    "warning",
    "session refused",
    "No rule of --access lets this peer, whose principals or key or address the line has, record sessions of this host and name."
  ),
  CONNECTION_QUOTA: entry(
    "warning",
    "connection refused",
    "The principal that the line names has as many open as a rule of --access allows; those go on."
  ),
  SESSION_QUOTA: entry(
    "warning",
    "session refused",
    "The principal that the line names records as many at once as a rule of --access allows; those go on."
  ),
  DISK_QUOTA: entry(
    "warning",
    "over quota",
    "The principal that the line names has as much on disk as a rule of --access allows: that stays, no more is recorded."
  ),
  ATTACH_NOT_PERMITTED: entry(
    "warning",
    "viewer refused",
    "No rule of --access lets this peer, whose principals or key or address the line has, watch the session; it is told that there is none."
  ),
  ACCESS_FILE: entry(
    "error",
    "access rules not replaced",
    "What is in their file now cannot be used: those read before stay in force. The line has the reason."
  ),
  SESSION_CLOSED: entry("warning", "command refused", "Its session was closed meanwhile."),
  STREAM_MALFORMED: entry("warning", "stream refused", "The request is not one of the protocol's."),
  STREAM_PATH_UNSAFE: entry("warning", "stream refused", "Its path climbs (..), is absolute or empty."),
  STREAM_NAME_UNSAFE: entry("warning", "stream refused", "Its channel name is not a file name."),
  STREAM_RING: entry("warning", "stream refused", "A tracefile size without a tracefile count has no meaning."),
  STREAM_CHUNKLESS: entry("warning", "stream refused", "The session has no trace chunk to make it in."),
  STREAM_LATE: entry("warning", "stream refused", "Its session was closed meanwhile."),
  STREAM_FILE: entry("error", "stream refused", "Its file cannot be made: the line has the system's reason."),
  CHUNK_UNKNOWN: entry("warning", "trace chunk refused", "No trace chunk of the session has this number."),
  CHUNK_NAME_UNSAFE: entry("warning", "trace chunk refused", "A snapshot's name is one component without dots."),
  CHUNK_OUT_OF_ORDER: entry("warning", "trace chunk refused", "Another one is to be closed first."),
  CHUNK_DIRECTORY: entry("error", "trace chunk refused", "Its directory cannot be made or moved: see the reason."),
  CHUNK_COMMAND: entry("warning", "trace chunk refused", "It is closed with a command that is not known."),
  CLEAR_DISALLOWED: entry(
    "warning",
    "clear refused",
    "The relay runs with --disallow-clear. Of a session by an edge whose tracer could not be told: what was cleared is kept, as what was rotated."
  ),
  ROTATION_REFUSED: entry("warning", "rotation refused", "A stream is unknown, or rotates already."),
  METADATA_REFUSED: entry("warning", "metadata refused", "For no session, or no stream that takes metadata now."),
  INDEX_REFUSED: entry("warning", "index refused", "For no session, an unknown stream, or a packet that has one."),
  HALVES_EXCEEDED: entry(
    "warning",
    "too much waits for its other half",
    "Indexes without packets, or packets without."
  ),
  COMMAND_EARLY: entry("warning", "command refused", "It needs a session, a version, or a newer protocol."),
  COMMAND_MALFORMED: entry("warning", "command refused", "Its payload is not one of the protocol's."),
  COMMAND_UNKNOWN: entry("warning", "command refused", "No such command: not LTTng, or one newer than the protocol."),
  STREAM_UNKNOWN: entry("warning", "command refused", "It names a stream that is closed or never was."),
  VERSION_UNKNOWN: entry("warning", "version refused", "The peer speaks another major version of the protocol."),
  QUERY_UNKNOWN: entry("warning", "query refused", "The peer asks for a configuration that does not exist.")
} as const satisfies Record<string, Entry>

/** What goes wrong inside. */
const failures = {
  NAME_TAKEN: entry(
    "warning",
    "name taken",
    "A finished or foreign trace is there already: nothing of it is touched, the new one lies beside it."
  ),
  EXPORT_FAILED: entry(
    "warning",
    "the collector takes nothing",
    "What is sent meanwhile is lost, but metrics are sums: said once, until it takes something again. Look at the collector and its OTEL_ variables."
  ),
  HTTP_PORT_LOST: entry(
    "error",
    "the thread of the HTTP port ended",
    "It is started again within a second; recording goes on meanwhile. Report it."
  ),
  WRITER_LOST: entry(
    "error",
    "a thread beside the loop ended",
    "The loop, and other such threads, do what it had begun and what follows: files are whole. A viewer that it was answering is cut off. Report it."
  ),
  LEFTOVERS: entry(
    "warning",
    "a crash left traces unfinished",
    "Of an earlier relay, found at the start; a full disk, a quota and a target that vanished within a packet leave such, too. " +
      "`lttng-relay check` says what, `lttng-relay repair` puts it right."
  ),
  FILE_FAILED: entry(
    "error",
    "file could not be written: session aborted",
    "What was written before is whole. The line has the system's reason: make room, then start the session again."
  ),
  CONFIGURATION_REFUSED: entry(
    "warning",
    "configuration not read again",
    "Everything stays as it was: the line names options that need a restart, or what is wrong with their sources."
  ),
  CHUNK_UNSETTLED: entry(
    "error",
    "trace chunk could not be put in its final place",
    "Its files are complete, in .tmp_old_chunk or where they were: move them by hand."
  ),
  STREAM_STALLED: entry(
    "warning",
    "stream stalled",
    "A live stream is silent, beacons included: its tracer hangs or is gone. Viewers cannot read past it."
  ),
  STREAMS_UNREAD: entry(
    "warning",
    "viewer does not ask for streams",
    "It is attached, and stopped perhaps: of the applications that have come and gone meanwhile it will not see the first. End it, or let it go on."
  ),
  FILES_REMOVED: entry(
    "warning",
    "files removed while they are written",
    "Somebody took the trace away: what is recorded into it since is kept nowhere. Rotate the session, or start it again."
  ),
  SESSION_STALLED: entry(
    "warning",
    "session stalled",
    "Nothing was heard of it for ten live timers and five seconds: its target hangs, or is gone."
  ),
  SPOOL_FULL: entry(
    "warning",
    "spool is full: tracers are held back",
    "Of `lttng-relay edge`, as --overflow says: until the relay takes more, or its disk has room again. Nothing is lost; channels that do not block drop events, and count them."
  ),
  SPOOL_FAILED: entry(
    "error",
    "spool cannot be written: tracers are held back",
    "Of `lttng-relay edge`. Make room, or put the disk right: it goes on by itself, and nothing of what it has is lost. A disk that was gone may be mounted again; after EIO that needs another start."
  ),
  SPOOL_UNREAD: entry(
    "error",
    "what the spool has of a session cannot be read",
    "Of `lttng-relay edge`, at its start: that session waits, the others go on. Put the disk, or the right, in order: it is tried again every ten seconds."
  ),
  COPY_FAILED: entry(
    "error",
    "copy for local viewers cannot be written",
    "Of `lttng-relay edge --copy`: what fails is missing in the copy, and for viewers here; the relay gets everything."
  ),
  REDIRECT_REFUSED: entry(
    "error",
    "new address of the relay cannot be used",
    "Of `lttng-relay edge --to-file`, at SIGHUP: the line has the reason, and sessions go on to where they went before."
  ),
  SPOOL_DROPPED: entry(
    "warning",
    "oldest packets are dropped",
    "Of `lttng-relay edge`, as --overflow or --spool-age says; `edge status` counts them, readers of the trace see the gap."
  ),
  SPOOL_STOPPED: entry(
    "error",
    "spool is full: session is ended",
    "Of `lttng-relay edge`, as --overflow says. What it has of the session is forwarded; `edge status` counts the rest."
  ),
  SPOOL_DAMAGED: entry(
    "error",
    "spool is damaged",
    "Of `lttng-relay edge`: the disk lost or changed bytes. What the line names is left out."
  ),
  RELAY_UNREACHABLE: entry(
    "warning",
    "relay cannot be reached",
    "Of `lttng-relay edge`: tracers go on, what they send waits in the spool. The line has the reason."
  ),
  EDGE_CIRCLE: entry(
    "error",
    "relay leads back to this edge",
    "Of `lttng-relay edge`: its relay is an edge whose way comes back here. Nothing is forwarded until one leads elsewhere."
  ),
  SESSION_FLATTENED: entry(
    "warning",
    "relay has no trace chunks: rotations and clears are left out",
    "Of `lttng-relay edge`: the relay speaks less than 2.11, and was away when the session began. Nothing is lost."
  ),
  JOURNAL_LOST: entry(
    "error",
    "session cannot be forwarded",
    "Of `lttng-relay edge`: what the relay does not have stays in the directory the line names. Remove it when done."
  ),
  FORWARDING_DEFECT: entry("error", "forwarding failed", "A fault of `lttng-relay edge`, tried again: report it."),
  JOURNAL_SUSPENDED: entry(
    "warning",
    "edge lost: session suspended",
    "Its edge is gone, or the network between: the session waits for it, for as long as --suspend says."
  ),
  JOURNAL_EXPIRED: entry(
    "warning",
    "suspended session ended",
    "Its edge did not come back within --suspend: the session ends as by a lost connection, what came is kept. If it comes later it goes on in the same directory."
  ),
  JOURNAL_CHANGED: entry(
    "error",
    "files of a suspended session changed",
    "While its edge was away somebody wrote, cut or removed a file, or took away its directory while the relay was down: the line names it. If only its time is new, the session goes on; so it does, with zeros for what is missing, after a file was cut while the relay was down, or a disk has lost it with power. Else it ends and its files stay as they are: the edge begins it anew in a directory beside, or keeps what it has (JOURNAL_LOST)."
  ),
  JOURNAL_WAITS: entry(
    "error",
    "sessions of edges wait",
    "For room on the disk, for one that is read-only or gone, for room in a quota, or a right, as the line says. What came is at the edge, and goes on by itself then, but for a disk that is mounted again: that needs the relay to be started again."
  ),
  JOURNAL_LIMIT: entry(
    "warning",
    "journal of an edge waits",
    "As many are open, suspended ones among them, as --max-journals says, or half of what others leave is its owner's, whom the line names: it waits at its edge until others end. --suspend says how long those stay."
  ),
  JOURNAL_MALFORMED: entry(
    "warning",
    "session of an edge ended",
    "The record that the line names is not one that may follow those before it: no edge of ours sends it, unless its spool has lost what was before."
  ),
  JOURNAL_UNMARKED: entry(
    "error",
    "sessions of edges would not survive the relay",
    "What they need cannot be written, or read, below .journals in the output directory, is damaged there, or is too long: the line has the reason."
  ),
  RECORDING_UNMARKED: entry(
    "error",
    "what is recorded would not count after a start",
    "For bytesOnDisk in a rule of --access: .recordings in the output directory cannot be written, or has the 16 MiB that it may have, which is said once; see the reason. Traces that are taken away make room."
  ),
  SESSION_DEFECT: entry("error", "session failed", "A fault of the relay, kept to one session: report it."),
  LISTENER_DEFECT: entry(
    "error",
    "listener failed",
    "A fault of the program around the relay: what it gave to hearEvents threw, and hears nothing more. The relay goes on."
  ),
  STREAM_DEFECT: entry("error", "stream failed", "A fault of the relay, kept to one session: report it.")
} as const satisfies Record<string, Entry>

/** Why the daemon does not start, or does not end in order. Their lines say all of it themselves: there is no text. */
const starts = {
  START_OPTION: entry(
    "error",
    "",
    "An option, a variable or a file of options has a value that cannot be: the line names it."
  ),
  START_OUTPUT: entry("error", "", "The output cannot be written, or another relay has sessions of edges in it."),
  START_PORT: entry(
    "error",
    "",
    "A port cannot be bound: the line names its option. In use: another relay runs there already, or take another port. A session daemon that was there first has 5345 for its agents. Or what a service manager handed over is no socket for it."
  ),
  START_FILE: entry(
    "error",
    "",
    "The working directory, pid file, run directory, health socket, token or a port file: the line has the reason."
  ),
  START_EXPORT: entry("error", "", "A variable of OpenTelemetry has a value that cannot be: the line names it."),
  START_PROCESS: entry(
    "error",
    "",
    "The system starts no process for the daemon, or lets it have too few threads: the line says which."
  ),
  LOG_FILE: entry(
    "error",
    "",
    "The file of --log-file cannot be opened: lines go where they went before, at a start to standard error; with -d there is none, and the start fails. SIGUSR2 tries again."
  ),
  NOTIFY_FAILED: entry(
    "warning",
    "the service manager was not told",
    "It may take the relay for not ready, or for hung: look at NOTIFY_SOCKET, and for systemd-notify in PATH."
  ),
  STOP_LATE: entry("error", "", "Files were not closed within --stop-timeout: the disk hangs, or needs longer."),
  HEALTH_FAILED: entry("error", "", "A fault that LTTNG_TESTPOINT_ENABLE asks for: the relay ends.")
} as const satisfies Record<string, Entry>

export const catalogue = { ...connections, ...refusals, ...failures, ...starts } as const

export type Code = keyof typeof catalogue

export const entries: ReadonlyMap<Code, Entry> = new Map(Object.entries(catalogue) as Array<[Code, Entry]>)
