/** A packet as a caller has it, and whether the wire can say it. */
import { Effect } from "effect"
import * as SendIndex from "../protocol/control/SendIndex.ts"
import { u64Max } from "../protocol/Struct.ts"
import { RequestInvalid } from "./RequestInvalid.ts"

/**
 * One packet with what its index says: sizes in bytes or bits by their names, times in cycles of the trace clock
 * (streaming.md §6.6).
 */
export interface Packet {
  /** Not to be changed before the connection has sent it. */
  readonly bytes: Uint8Array
  /** Zeroes the relay appends in the file; they are not sent. */
  readonly paddingBytes?: number
  /** The whole of `bytes` where not given. */
  readonly contentBits?: bigint
  readonly timestampBegin: bigint
  readonly timestampEnd: bigint
  /** The stream's counter, so never less than in the packet before. */
  readonly eventsDiscarded?: bigint
  /** One more than in the packet before where not given. */
  readonly packetSeqNum?: bigint
}

const u32Max = 0xffff_ffff
const isSize = (value: number) => Number.isInteger(value) && value >= 0 && value <= u32Max
const isU64 = (value: bigint | undefined) => value === undefined || (value >= 0n && value <= u64Max)

/** The refusal of a number that is no unsigned one of 64 bits; undefined: all are such, or not given. */
export const unsayable = (
  command: string,
  members: Readonly<Record<string, bigint | undefined>>
): RequestInvalid | undefined => {
  const wrong = Object.entries(members).find(([, number]) => !isU64(number))
  if (wrong === undefined) return undefined
  return new RequestInvalid({ command, reason: `${wrong[0]}: ${wrong[1]} is no unsigned 64-bit number` })
}

/** The refusal of more bytes than a header can say; undefined: it can. */
export const unsayableBytes = (command: string, bytes: Uint8Array, paddingBytes: number): RequestInvalid | undefined =>
  isSize(paddingBytes) && isSize(bytes.length)
    ? undefined
    : new RequestInvalid({ command, reason: `${bytes.length} bytes and ${paddingBytes} of padding` })

/** The refusal of numbers that an index cannot say of a packet; undefined: it can. */
export const unsayableNumbers = (packet: Partial<Packet>): RequestInvalid | undefined => {
  const { contentBits, eventsDiscarded, packetSeqNum, timestampBegin, timestampEnd } = packet
  if (
    isU64(contentBits) &&
    isU64(eventsDiscarded) &&
    isU64(packetSeqNum) &&
    isU64(timestampBegin) &&
    isU64(timestampEnd)
  ) {
    return undefined
  }
  const numbers = { contentBits, eventsDiscarded, packetSeqNum, timestampBegin, timestampEnd }
  return unsayable(SendIndex.name, numbers)
}

/** The refusal of a packet that header or index cannot say; undefined: they can. */
export const unsayablePacket = (packet: Packet): RequestInvalid | undefined =>
  unsayableBytes(SendIndex.name, packet.bytes, packet.paddingBytes ?? 0) ?? unsayableNumbers(packet)

/** Calls `write`, or fails with the refusal if there is one. */
export const unless = <E>(
  refusal: RequestInvalid | undefined,
  write: () => Effect.Effect<void, E>
): Effect.Effect<void, E | RequestInvalid> => (refusal === undefined ? write() : Effect.fail(refusal))
