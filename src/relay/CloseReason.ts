/** Why an actor ended: what logs and metrics show. */
import type { Code } from "../errors/Catalogue.ts"

const codes = {
  "peer closed": "PEER_CLOSED",
  "protocol error": "PROTOCOL_ERROR",
  "unknown stream": "UNKNOWN_STREAM",
  refused: "COMMAND_REFUSED",
  "session refused": "SESSION_REFUSED",
  "write failed": "WRITE_FAILED",
  "session aborted": "SESSION_ABORTED",
  "over quota": "DISK_QUOTA",
  "ended by program": "ENDED_BY_PROGRAM",
  "socket error": "SOCKET_ERROR",
  stalled: "CONNECTION_STALLED",
  "target vanished": "TARGET_VANISHED",
  defect: "CONNECTION_DEFECT",
  "relay stopped": "RELAY_STOPPED"
} as const satisfies Record<string, Code>

export type CloseReason = keyof typeof codes

export const codeOf = (reason: CloseReason): Code => codes[reason]

const refusals: ReadonlySet<CloseReason> = new Set([
  "protocol error",
  "unknown stream",
  "refused",
  "session refused",
  "over quota"
])

/** The peer has brought it about by what it said. */
export const isRefusal = (reason: CloseReason): boolean => refusals.has(reason)
