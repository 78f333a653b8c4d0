/** Packets and metadata as LTTng's tracer of user space writes them: the times of events have 32 bits. */
import type { Packet } from "../../src/target/Packet.ts"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"

const headBytes = 84
const eventBytes = 14
const timesAt = 32
const contentSizeAt = 48

const header = `
typealias integer { size = 16; align = 8; signed = false; } := uint16_t;
typealias integer { size = 32; align = 8; signed = false; map = clock.monotonic.value; } := uint32_clock_monotonic_t;
struct event_header_large {
	enum : uint16_t { compact = 0 ... 65534, extended = 65535 } id;
	variant <id> {
		struct { uint32_clock_monotonic_t timestamp; } compact;
		struct { uint32_t id; cycles_t timestamp; } extended;
	} v;
} align(8);
stream {`

export const metadata = (uuid: string): string =>
  SyntheticTrace.metadata(uuid)
    .replace("stream {", header)
    .replace("event.header := struct { cycles_t timestamp; };", "event.header := struct event_header_large;")

/** A packet with an event at each of these times; each event's number is its place among them. */
export const packetOf = (
  uuid: string,
  timestampBegin: bigint,
  timestampEnd: bigint,
  times: ReadonlyArray<bigint>
): Packet => {
  const byteCount = headBytes + times.length * eventBytes
  const bytes = Buffer.alloc(byteCount)
  const head = SyntheticTrace.generator(uuid, 0, headBytes, timestampBegin).next(timestampEnd).bytes
  bytes.set(head.subarray(0, headBytes))
  bytes.writeBigUInt64LE(timestampBegin, timesAt)
  bytes.writeBigUInt64LE(timestampEnd, timesAt + 8)
  for (const at of [0, 8]) bytes.writeBigUInt64LE(BigInt(8 * byteCount), contentSizeAt + at)
  for (const [index, time] of times.entries()) {
    const at = headBytes + index * eventBytes
    bytes.writeUInt32LE(Number(BigInt.asUintN(32, time)), at + 2)
    bytes.writeBigUInt64LE(BigInt(index), at + 6)
  }
  return { bytes, timestampBegin, timestampEnd }
}
