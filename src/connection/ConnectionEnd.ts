/** How a connection ends: by its own decision or by its socket, told to the log once. */
import { Effect } from "effect"
import type { CloseReason } from "../relay/CloseReason.ts"
import type { Peer, SocketEnd } from "../transport/Peer.ts"

const reasonOf = (end: SocketEnd): CloseReason => (end === "socket error" || end === "stalled" ? end : "peer closed")

/** What happens all the time, and says nothing about the peer. */
const isOrdinary = (reason: CloseReason) => reason === "peer closed" || reason === "relay stopped"

/** Waits for the end; `complaint`, if there is one by then, is what the peer did wrong. */
export const awaitEnd = (
  name: "control" | "data" | "viewer",
  peer: Peer,
  decided: Effect.Effect<CloseReason>,
  complaint: () => string
): Effect.Effect<CloseReason> =>
  Effect.gen(function* () {
    const reason = yield* Effect.raceFirst(decided, Effect.map(peer.end, reasonOf))
    yield* Effect.logDebug(`${name} connection closed: ${reason}`)
    if (!isOrdinary(reason)) {
      const detail = complaint()
      yield* Effect.logWarning(`${name} connection ended: ${reason}${detail === "" ? "" : `: ${detail}`}`)
    }
    return reason
  })
