/**
 * The time of a packet's first event, as LTTng's tracer of user space writes it: the event's header comes right behind
 * the packet's (`CtfPacket`), and has the low bits of the time, or all of them.
 *
 * | header | id | time | id, and then all of it, where that does not do |
 * | --- | --- | --- | --- |
 * | compact | 5 bits | 27 bits, with the id in a u32 | 31: u32 id, u64 time |
 * | large | u16 | u32 | 65535: u32 id, u64 time |
 */
import { head } from "./CtfPacket.ts"

/** What a trace's metadata says of the events of its packets. */
export interface EventLayout {
  readonly header: "compact" | "large"
  /** The size of the traced machine's `long`. */
  readonly longBytes: 4 | 8
  /** Numbers begin at any byte; else where a multiple of their size is. */
  readonly isPacked: boolean
}

/** Bytes of a packet that have its first event's time, if there is one. */
export const beginningBytes = 112

/** Undefined: there is no event. "unknown": these are no such packet's bytes. */
export const firstEventTime = (bytes: Buffer, layout: EventLayout): bigint | undefined | "unknown" => {
  const { header, isPacked, longBytes } = layout
  const packet = head(bytes, longBytes)
  if (packet === undefined) return "unknown"
  const isBigEndian = bytes[1] === 0xfc
  const eventAt = 76 + longBytes
  if (packet.contentSize <= BigInt(8 * eventAt)) return undefined
  const next = (at: number, size: number) => (isPacked ? at : Math.ceil(at / size) * size)
  const number = (at: number, size: number) => (isBigEndian ? bytes.readUIntBE(at, size) : bytes.readUIntLE(at, size))
  const whole = (idAt: number) => {
    const at = next(next(idAt, 4) + 4, 8)
    if (bytes.length < at + 8) return "unknown"
    return isBigEndian ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at)
  }
  if (bytes.length < eventAt + 8) return "unknown"
  const { timestampBegin } = packet
  if (header === "compact") {
    const word = number(eventAt, 4)
    const [id, low] = isBigEndian ? [word >>> 27, word % 2 ** 27] : [word % 32, word >>> 5]
    return id === 31 ? whole(eventAt + 1) : notBefore(timestampBegin, BigInt(low), 27n)
  }
  const isExtended = number(eventAt, 2) === 0xffff
  return isExtended ? whole(eventAt + 2) : notBefore(timestampBegin, BigInt(number(next(eventAt + 2, 4), 4)), 32n)
}

/** The first time from `begin` on with these low bits. */
const notBefore = (begin: bigint, low: bigint, bits: bigint): bigint => {
  const size = 1n << bits
  const time = begin - (begin % size) + low
  return time < begin ? time + size : time
}
