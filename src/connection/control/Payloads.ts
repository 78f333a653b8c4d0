/** How much of a command's payload is kept. */
import * as RotateStreams from "../../protocol/control/RotateStreams.ts"
import * as SendIndex from "../../protocol/control/SendIndex.ts"
import { own } from "../../protocol/Version.ts"

/** The most payload that a command of bounded size uses: the longest is `CREATE_SESSION` with all its names. */
export const payloadBytesMax = 16 * 1024
/** Enough to rotate 65,535 streams in one command, more than a relay can hold open. */
const rotatePayloadBytesMax = 1024 * 1024

/** Bytes of payload that a command can use in a session of so many streams; what follows them is read and dropped. */
export const payloadBytesMaxOf = (command: number, streamCount: number): number => {
  if (command === SendIndex.number) return SendIndex.size(own.minor)
  if (command !== RotateStreams.number) return payloadBytesMax
  // Not as much for everybody: a peer may stop within the payload, on all connections that it may have.
  return Math.min(rotatePayloadBytesMax, payloadBytesMax + streamCount * RotateStreams.position.size)
}
