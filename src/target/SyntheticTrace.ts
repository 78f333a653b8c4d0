/**
 * Small but real CTF 1.8 traces without a tracer: metadata text and packets in LTTng's layout, filled with events
 * `load:tick { seq }`, so that every reader of traces can check what came through. Pure.
 */
import type { Packet } from "./Packet.ts"

/** Packet header and context: see `CtfPacket.ts`; the processor's number ends it. */
const headBytes = 84
/** Timestamp and sequence number. */
const eventBytes = 16

/** Bytes of a packet with one event. */
export const packetBytesMin = headBytes + eventBytes
/** A packet is made in memory, whole; its length on the wire has 32 bits. */
export const packetBytesMax = 2 ** 30

/**
 * The metadata that describes the packets, CTF 1.8; `uuid` in its usual notation. `clockOffset`: nanoseconds from 1970
 * to the 0 of the packets' timestamps.
 */
export const metadata = (uuid: string, clockOffset = 0n): string => `/* CTF 1.8 */
typealias integer { size = 8; align = 8; signed = false; } := uint8_t;
typealias integer { size = 32; align = 8; signed = false; } := uint32_t;
typealias integer { size = 64; align = 8; signed = false; } := uint64_t;
trace {
	major = 1; minor = 8; uuid = "${uuid}"; byte_order = le;
	packet.header := struct { uint32_t magic; uint8_t uuid[16]; uint32_t stream_id; uint64_t stream_instance_id; };
};
env { domain = "ust"; tracer_name = "lttng-relay load"; };
clock { name = "monotonic"; freq = 1000000000; offset = ${clockOffset}; };
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
  /** A packet of events with consecutive `seq`, evenly spread from the end of the packet before to `timestampEnd`. */
  readonly next: (timestampEnd: bigint) => Packet
  /** Says that nothing happened until `timestamp`: the next packet begins there. Answers the time for a beacon. */
  readonly idleUntil: (timestamp: bigint) => bigint
  /** Events in all packets so far. */
  readonly eventCount: () => bigint
}

/** How a stream's packets are made. */
export interface Options {
  /** The memory of so many packets is used in turn, so older ones are overwritten. New memory each by default. */
  readonly bufferCount?: number
}

/** Numbers of 64 bits are written as two of 32: a bigint for each would take most of the time. */
const two32 = 2 ** 32

/** A packet's memory; `view` writes numbers at any offset. */
interface Memory {
  readonly bytes: Buffer
  readonly view: DataView
}

const makeMemory = (size: number): Memory => {
  const bytes = Buffer.allocUnsafeSlow(size)
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, size) }
}

/** Events from `begin`, `step` nanoseconds apart, numbered from `seq`. */
const writeEvents = ({ view }: Memory, count: number, begin: bigint, step: number, seq: number): void => {
  let [high, low] = [Number(begin >> 32n), Number(begin & 0xffff_ffffn)]
  let [seqHigh, seqLow] = [Math.floor(seq / two32), seq % two32]
  const [stepHigh, stepLow] = [Math.floor(step / two32), step % two32]
  const end = headBytes + count * eventBytes
  for (let at = headBytes; at < end; at += eventBytes) {
    view.setUint32(at, low, true)
    view.setUint32(at + 4, high, true)
    view.setUint32(at + 8, seqLow, true)
    view.setUint32(at + 12, seqHigh, true)
    low += stepLow
    high += stepHigh
    if (low >= two32) {
      low -= two32
      high++
    }
    if (++seqLow < two32) continue
    seqLow = 0
    seqHigh++
  }
}

/** Packets of one stream, each of `packetBytes`; `instanceId` is also the processor. */
export const generator = (
  uuid: string,
  instanceId: number,
  packetBytes: number,
  start: bigint,
  { bufferCount }: Options = {}
): Generator => {
  const perPacket = Math.floor((packetBytes - headBytes) / eventBytes)
  const contentBytes = headBytes + perPacket * eventBytes
  const uuidBytes = Buffer.from(uuid.replaceAll("-", ""), "hex")
  const memories = Array.from({ length: bufferCount ?? 0 }, () => makeMemory(contentBytes))
  let packetSeqNum = 0n
  let packetCount = 0
  let begin = start
  const next = (timestampEnd: bigint): Packet => {
    const end = timestampEnd > begin ? timestampEnd : begin
    const memory = memories[packetCount % memories.length] ?? makeMemory(contentBytes)
    const { bytes, view } = memory
    bytes.writeUInt32LE(0xc1fc1fc1, 0)
    uuidBytes.copy(bytes, 4)
    bytes.writeUInt32LE(0, 20)
    const fields = [BigInt(instanceId), begin, end, BigInt(contentBytes * 8), BigInt(packetBytes * 8), packetSeqNum, 0n]
    fields.forEach((field, index) => {
      view.setBigUint64(24 + 8 * index, field, true)
    })
    bytes.writeUInt32LE(instanceId, 80)
    const step = perPacket === 0 ? 0 : Math.floor(Number(end - begin) / perPacket)
    writeEvents(memory, perPacket, begin, step, packetCount * perPacket)
    const packet = {
      bytes,
      paddingBytes: packetBytes - contentBytes,
      timestampBegin: begin,
      timestampEnd: end,
      packetSeqNum
    }
    packetSeqNum++
    packetCount++
    begin = end
    return packet
  }
  const idleUntil = (timestamp: bigint) => {
    if (timestamp > begin) begin = timestamp
    return begin
  }
  return { next, idleUntil, eventCount: () => BigInt(packetCount) * BigInt(perPacket) }
}
