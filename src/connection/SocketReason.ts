/** The end of a socket, in the words of the actors: what a connection reports as its reason. */
import type { CloseReason } from "../relay/CloseReason.ts"
import type { SocketEnd } from "../transport/Peer.ts"

/** What the end of a socket means for its connection. */
export const closeReasonOf = (end: SocketEnd): CloseReason =>
  end === "socket error" || end === "stalled" ? end : "peer closed"
