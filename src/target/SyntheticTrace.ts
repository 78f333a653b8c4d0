/**
 * Small but real CTF 1.8 traces without a tracer: metadata text and packets in LTTng's layout, filled with events
 * `load:tick { seq }`, so that every reader of traces can check what came through. Pure.
 */
import type { Packet } from "./TargetStream.ts"

/** Packet header and context: see `CtfPacket.ts`; the processor's number ends it. */
const headBytes = 84
/** Timestamp and sequence number. */
const eventBytes = 16

/** Bytes of a packet with one event. */
export const packetBytesMin = headBytes + eventBytes

/** The metadata that describes the packets, CTF 1.8; `uuid` in its usual notation. */
export const metadata = (uuid: string): string => `/* CTF 1.8 */
typealias integer { size = 8; align = 8; signed = false; } := uint8_t;
typealias integer { size = 32; align = 8; signed = false; } := uint32_t;
typealias integer { size = 64; align = 8; signed = false; } := uint64_t;
trace {
	major = 1; minor = 8; uuid = "${uuid}"; byte_order = le;
	packet.header := struct { uint32_t magic; uint8_t uuid[16]; uint32_t stream_id; uint64_t stream_instance_id; };
};
env { domain = "ust"; tracer_name = "lttng-relay load"; };
clock { name = "monotonic"; freq = 1000000000; offset = 0; };
typealias integer { size = 64; align = 8; signed = false; map = clock.monotonic.value; } := cycles_t;
stream {
	id = 0;
	packet.context := struct {
		cycles_t timestamp_begin; cycles_t timestamp_end;
		uint64_t content_size; uint64_t packet_size; uint64_t packet_seq_num; uint64_t events_discarded;
		uint32_t cpu_id;
	};
	event.header := struct { cycles_t timestamp; };
};
event { name = "load:tick"; id = 0; stream_id = 0; fields := struct { uint64_t seq; }; };
`

/** Makes the packets of one stream. */
export interface Generator {
  /** Events with consecutive `seq`, evenly spread from the end of the packet before to `timestampEnd`. */
  readonly next: (timestampEnd: bigint) => Packet
  /** Nothing happened until then: the next packet begins there. Answers the beacon's timestamp. */
  readonly idleUntil: (timestamp: bigint) => bigint
  /** Events in all packets so far. */
  readonly eventCount: () => bigint
}

/** Packets of one stream, each of `packetBytes`; `instanceId` is also the processor. */
export const generator = (uuid: string, instanceId: number, packetBytes: number, start: bigint): Generator => {
  const perPacket = Math.floor((packetBytes - headBytes) / eventBytes)
  const contentBytes = headBytes + perPacket * eventBytes
  const uuidBytes = Buffer.from(uuid.replaceAll("-", ""), "hex")
  let packetSeqNum = 0n
  let seq = 0n
  let begin = start
  const next = (timestampEnd: bigint): Packet => {
    const end = timestampEnd > begin ? timestampEnd : begin
    const bytes = Buffer.allocUnsafeSlow(contentBytes)
    bytes.writeUInt32LE(0xc1fc1fc1, 0)
    uuidBytes.copy(bytes, 4)
    bytes.writeUInt32LE(0, 20)
    const fields = [BigInt(instanceId), begin, end, BigInt(contentBytes * 8), BigInt(packetBytes * 8), packetSeqNum, 0n]
    // Half of a generator's time goes into these writes; a view's are several times faster than a buffer's.
    const view = new DataView(bytes.buffer, bytes.byteOffset, contentBytes)
    fields.forEach((field, index) => {
      view.setBigUint64(24 + 8 * index, field, true)
    })
    bytes.writeUInt32LE(instanceId, 80)
    const step = perPacket === 0 ? 0n : (end - begin) / BigInt(perPacket)
    let timestamp = begin
    for (let event = 0; event < perPacket; event++) {
      const at = headBytes + event * eventBytes
      view.setBigUint64(at, timestamp, true)
      view.setBigUint64(at + 8, seq++, true)
      timestamp += step
    }
    const packet = {
      bytes,
      paddingBytes: packetBytes - contentBytes,
      timestampBegin: begin,
      timestampEnd: end,
      packetSeqNum
    }
    packetSeqNum++
    begin = end
    return packet
  }
  const idleUntil = (timestamp: bigint) => {
    if (timestamp > begin) begin = timestamp
    return begin
  }
  return { next, idleUntil, eventCount: () => seq }
}
