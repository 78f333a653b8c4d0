/**
 * Where decoding stands in one packet, and what it has found out on the way: clock, sizes, ids, referenced values.
 *
 * `bytes` is a window of the packet. It begins at `base` bits of the packet, a multiple of the window's grain, so that
 * alignment counted in the window is that of the packet. Positions in it are bits and fit 31 bits.
 *
 * An integer (`Int`) is a number where it is exact, −2⁵³ ≤ n < 2⁵³, and a bigint elsewhere: each value has one form.
 */
import { Fault, short } from "./Fault.ts"

/** An integer: exact as a number up to 53 bits, a bigint beyond. */
export type Int = number | bigint

/** Windows begin at multiples of so many bytes of their packet. */
export const grainBytes = 4096

const two32 = 0x1_0000_0000

/** The integer of two halves of 32 bits. `high` is signed for a signed number. */
export const joined = (high: number, low: number): Int =>
  high < 0x20_0000 && high >= -0x20_0000 ? high * two32 + low : (BigInt(high) << 32n) | BigInt(low)

/** In the one form that the value has. */
export const narrowed = (value: bigint): Int =>
  value >= -9007199254740992n && value < 9007199254740992n ? Number(value) : value

/** The upper 32 bits of an unsigned integer, and the lower ones. */
export const highOf = (value: Int): number =>
  typeof value === "number" ? Math.floor(value / two32) : Number(value >> 32n)
export const lowOf = (value: Int): number =>
  typeof value === "number" ? value - Math.floor(value / two32) * two32 : Number(value & 0xffff_ffffn)

/** The order before a field that is read again, anywhere in a byte: the first reading found it to be right. */
export const judged = 3

const nothing = new Uint8Array(0)

/** The bits of a packet, and where one is in them. */
export class Cursor {
  bytes: Uint8Array = nothing
  view: DataView = new DataView(nothing.buffer)
  /** The next bit. */
  at = 0
  /** No field goes beyond: the end of the content or of the window. */
  end = 0
  /** The end of the content, also where the window has less. */
  content = 0
  /** Of the window's first bit in the packet. */
  base = 0
  /** Byte order of the bit field that ended inside of a byte: 1 little-endian, 2 big-endian; or `judged`. */
  order = 0
  /** Values of fields that lengths and selectors refer to, by slot; undefined of an option that was not chosen. */
  refs: Array<Int | undefined> = []

  /** Elements without any bits that the packet has had. */
  emptyCount = 0

  /** The stream's clock, two unsigned halves, and whether anything has set it in this packet. */
  clockHigh = 0
  clockLow = 0
  isClockSet = false

  /** Where `goOn` comes back to. */
  keptAt = 0
  keptOrder = 0
  keptHigh = 0
  keptLow = 0

  /** Where the scopes of the current event record begin, before they are aligned. */
  commonAt = 0
  ownAt = 0
  payloadAt = 0

  /** Of the event record; −1: its header does not tell. */
  eventId: Int = -1
  /** What the packet's header and context said, by the roles of their fields; undefined: they did not. */
  streamClassId: Int | undefined = undefined
  streamId: Int | undefined = undefined
  magic: Int | undefined = undefined
  uuid: Uint8Array | undefined = undefined
  totalBits: Int | undefined = undefined
  contentBits: Int | undefined = undefined
  endTime: Int | undefined = undefined
  discarded: Int | undefined = undefined
  sequence: Int | undefined = undefined

  /** Before a packet's header. */
  reset(): void {
    this.order = 0
    this.emptyCount = 0
    this.clockHigh = 0
    this.clockLow = 0
    this.isClockSet = false
    this.eventId = -1
    this.streamClassId = undefined
    this.streamId = undefined
    this.magic = undefined
    this.uuid = undefined
    this.totalBits = undefined
    this.contentBits = undefined
    this.endTime = undefined
    this.discarded = undefined
    this.sequence = undefined
  }
}

/** To a field that was read before; `goOn` comes back. Timestamps among such fields move the clock no more. */
export const readAgain = (cursor: Cursor, at: number): void => {
  cursor.keptAt = cursor.at
  cursor.keptOrder = cursor.order
  cursor.keptHigh = cursor.clockHigh
  cursor.keptLow = cursor.clockLow
  cursor.at = at
  cursor.order = judged
}

export const goOn = (cursor: Cursor): void => {
  cursor.at = cursor.keptAt
  cursor.order = cursor.keptOrder
  cursor.clockHigh = cursor.keptHigh
  cursor.clockLow = cursor.keptLow
}

/** Throws when so many bits are not there. */
export const need = (cursor: Cursor, bits: number): void => {
  if (cursor.at + bits > cursor.end) throw short
}

const grainBits = grainBytes * 8

/** Alignment counts in the packet, of which the window begins at a multiple of the grain. */
export const align = (cursor: Cursor, alignment: number): void => {
  if (alignment === 1) return
  if (alignment <= grainBits) {
    cursor.at = (cursor.at + alignment - 1) & -alignment
  } else {
    cursor.at = Math.ceil((cursor.base + cursor.at) / alignment) * alignment - cursor.base
  }
  if (cursor.at > cursor.end) throw short
}

/** A field value moves the clock: the low `bits` of it, which never go back (§7.2). */
export const moveClock = (cursor: Cursor, value: Int, bits: number): void => {
  cursor.isClockSet = true
  const high = highOf(value)
  const low = lowOf(value)
  if (bits >= 64) {
    cursor.clockHigh = high
    cursor.clockLow = low
  } else if (bits > 32) {
    const span = 2 ** (bits - 32)
    const own = cursor.clockHigh % span
    const wraps = high < own || (high === own && low < cursor.clockLow)
    cursor.clockHigh = (cursor.clockHigh - own + high + (wraps ? span : 0)) % two32
    cursor.clockLow = low
  } else {
    moveClockLow(cursor, low, 2 ** bits)
  }
}

/** As above for at most 32 bits, of which `span` values exist. */
export const moveClockLow = (cursor: Cursor, low: number, span: number): void => {
  cursor.isClockSet = true
  const own = span === two32 ? cursor.clockLow : (cursor.clockLow & (span - 1)) >>> 0
  const next = cursor.clockLow - own + low + (low < own ? span : 0)
  if (next < two32) {
    cursor.clockLow = next
  } else {
    cursor.clockLow = next - two32
    cursor.clockHigh = (cursor.clockHigh + 1) % two32
  }
}

/** Far more than any tracer writes, and few enough to pass over. */
const elementsMax = 2 ** 20

/** Elements without any bits are bounded by nothing in a packet but this. */
export const spend = (cursor: Cursor, count: number): void => {
  cursor.emptyCount += count
  if (cursor.emptyCount > elementsMax) {
    throw new Fault("too-many-elements", `${cursor.emptyCount} elements without any bits in one packet`)
  }
}

/** The value of a length as a number, when so many elements can be in what is left of the content. */
export const checkedLength = (cursor: Cursor, length: Int | undefined, elementBitsMin: number): number => {
  if (length === undefined) throw new Fault("variant-no-option", "a length in an option that was not chosen")
  if (typeof length !== "number" || length < 0) throw new Fault("data-short", `a length of ${length} elements`)
  if (elementBitsMin === 0) {
    if (length > elementsMax) throw new Fault("too-many-elements", `${length} elements without any bits`)
  } else if (length * elementBitsMin > cursor.content - cursor.at) {
    throw new Fault("data-short", `${length} elements do not fit into the packet`)
  }
  return length
}
