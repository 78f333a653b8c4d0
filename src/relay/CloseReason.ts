/** Why an actor ended: what logs and metrics show. */
export type CloseReason =
  | "peer closed"
  | "protocol error"
  | "unknown stream"
  | "refused"
  | "write failed"
  | "session aborted"
  | "socket error"
  | "stalled"
  | "defect"
  | "relay stopped"
