/** Why a connection ended. */
import { type Entry, entry } from "./Entry.ts"

export const connections = {
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
      "Of an edge: 256 of one tracing session, or those beyond 8 are more than its owner may have of all."
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
  DESCRIPTORS_SHORT: entry(
    "error",
    "the process has hardly a descriptor left",
    "When there is none, connections are closed without a line, or wait, and so do files. Said once, until there are some again. " +
      "Raise ulimit -n, or lower --fd-pool-size (in a program fdPoolSize) by what else is open. Too many in the system: " +
      "find who has them, or raise fs.file-max."
  ),
  DESCRIPTORS_AGAIN: entry(
    "warning",
    "the process has descriptors again",
    "Nothing: connections are accepted and files opened as before."
  ),
  ACCEPT_FAILED: entry("error", "connections cannot be accepted", "The system refuses; the relay goes on trying.")
} as const satisfies Record<string, Entry>
