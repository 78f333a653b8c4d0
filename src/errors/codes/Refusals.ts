/** Commands of targets that are not carried out. */
import { type Entry, entry } from "./Entry.ts"

export const refusals = {
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
