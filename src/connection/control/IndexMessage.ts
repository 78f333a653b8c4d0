/** What `SEND_INDEX` says of a stream: a packet's index, or that there was none up to a time (streaming.md §6.6). */
import type { Shares } from "../../memory/Charge.ts"
import * as SendIndex from "../../protocol/control/SendIndex.ts"
import { u64Max } from "../../protocol/Struct.ts"
import type { StreamActor } from "../../relay/stream/StreamActor.ts"
import type { BeaconPace } from "./BeaconPace.ts"
import type { ControlState } from "./Command.ts"

const { offsets } = SendIndex

/** False: not acceptable now. The payload, from `from` on, is at least as long as the connection's minor says. */
export const addIndex = (
  state: ControlState,
  stream: StreamActor,
  payload: Buffer,
  from: number,
  shares: Shares,
  pace: BeaconPace
): boolean => {
  const { model } = stream
  model.ctfStreamId ??= payload.readBigUInt64BE(from + offsets.streamId)
  const isBeacon =
    payload.readUInt32BE(from + offsets.packetSize) === 0 && payload.readUInt32BE(from + offsets.packetSize + 4) === 0
  if (isBeacon) {
    beacon(state, stream, payload.readBigUInt64BE(from + offsets.timestampEnd))
    return true
  }
  pace.hasOnlyBeacons = false
  const netSeqNum = payload.readBigUInt64BE(from + offsets.netSeqNum)
  const has28 = stream.session.identity.minor >= 8
  // A stream of another session may want fields that this connection's layout does not have.
  if (has28 && state.minor < 8) return false
  // Older peers have no packet sequence number.
  const packetSeqNum = has28 ? payload.readBigUInt64BE(from + offsets.packetSeqNum) : u64Max
  return stream.addIndex(netSeqNum, packetSeqNum, payload, from + offsets.packetSize, shares)
}

const beacon = ({ registry }: ControlState, stream: StreamActor, timestampEnd: bigint): void => {
  stream.addBeacon(timestampEnd)
  const { events, tally } = registry
  tally.beaconCount++
  if (!events.hasSubscribers) return
  events.publish({ _tag: "Beacon", sessionId: stream.session.id, streamId: stream.handle, timestampEnd })
}
