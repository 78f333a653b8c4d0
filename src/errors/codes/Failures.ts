/** What goes wrong inside. */
import { type Entry, entry } from "./Entry.ts"

export const failures = {
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
  OUTPUT_UNWRITABLE: entry(
    "warning",
    "nothing can be made in the output directory",
    "Found at the start, which goes on as the reference's does: sessions are refused until it can be written. Put owner, mode or mount right; no new start is needed."
  ),
  OUTPUT_SILENT: entry(
    "warning",
    "the output directory does not answer",
    "At the start, which waits for it: its disk hangs, as a share without its server does, or very many sessions of edges are gone through. Peers are served once it answers; no new start is needed."
  ),
  FILE_FAILED: entry(
    "error",
    "file could not be written: session aborted",
    "What was written before is whole. The line has the system's reason: make room, then start the session again."
  ),
  CLOSE_FAILED: entry(
    "error",
    "file was closed with an error",
    "As of network and FUSE file systems, which may tell only then: of what was written to it last, and answered, some may be missing. " +
      "`lttng-relay check` says what. With --sync=close such an error ends the session before it is answered."
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
  STREAM_UNDESCRIBED: entry(
    "warning",
    "stream not shown to a viewer",
    "Its tracer sent metadata without any stream class, perhaps since the application ended at once on a busy machine. Readers refuse such a trace: `lttng-relay repair` sets it aside."
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
  SPOOL_GONE: entry(
    "error",
    "spool is not where it was",
    "Of `lttng-relay edge`: somebody has removed or renamed its directory. What it has in open files it still forwards, unless it is stopped or killed before; what it has to read back, and sessions for which more files are needed, wait. Put the directory back if it was renamed. Else let tracing sessions end, and start the edge again."
  ),
  SPOOL_UNREAD: entry(
    "error",
    "what the spool has of a session cannot be read",
    "Of `lttng-relay edge`, at its start: that session waits, the others go on. Put the disk, or the right, in order: it is tried again every ten seconds. If a later version wrote it, start that one again."
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
  SESSION_AGAIN: entry(
    "warning",
    "session is recorded once more, from its beginning",
    "Of `lttng-relay edge`: the relay takes no journals, and an edge was lost in the midst of the session. All of it is recorded under the name in the line. What the relay had got stays under the old one, without an end: remove it when done."
  ),
  JOURNAL_LOST: entry(
    "error",
    "session cannot be forwarded",
    "Of `lttng-relay edge`: what the relay does not have stays in the directory the line names. Remove it when done."
  ),
  PART_LOST: entry(
    "error",
    "a part of a session has ended at the relay",
    "Of `lttng-relay edge`: the relay has ended the connections of one consumer daemon, or of all, and the tracer does not notice. " +
      "The line has the session, the consumer daemon's place in it, and the relay's reason. What it sends from then on is not recorded; others of the session go on."
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
    "While its edge was away somebody wrote, cut or removed a file, or took away its directory while the relay was down, or another session records there by now: the line names it. If only its time is new, the session goes on; so it does, with zeros for what is missing, after a file was cut while the relay was down, or a disk has lost it with power; what was recorded after the last note that the disk has comes again, and is in the directory that the line names. Else it ends and its files stay as they are: the edge begins it anew in a directory beside, or keeps what it has (JOURNAL_LOST)."
  ),
  JOURNAL_WAITS: entry(
    "error",
    "sessions of edges wait",
    "For room on the disk, for one that is read-only, denied or gone, for descriptors (ulimit -n), for room in a quota, or a right, as the line says. What came is at the edge, and goes on by itself then, but for a disk that is mounted again: that needs the relay to be started again. Or for the later version of the relay that recorded the session: start that one again."
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
