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

/** Windows begin at multiples of this many bytes of their packet: what is read twice where a record was cut. */
export const grainBytes = 64

const two32 = 0x1_0000_0000

/** Below 0 if `a` is the smaller one. */
export const compareInts = (a: Int, b: Int): number => (a < b ? -1 : a > b ? 1 : 0)

/** The integer of two halves of 32 bits. `high` is signed for a signed number. */
export const joined = (high: number, low: number): Int =>
  high < 0x20_0000 && high >= -0x20_0000 ? high * two32 + low : (BigInt(high) << 32n) | BigInt(low)

/** The value in its one form: a number where that is exact. */
export const narrowed = (value: bigint): Int =>
  value >= -9007199254740992n && value < 9007199254740992n ? Number(value) : value

/** The upper 32 bits of an unsigned integer, and the lower ones. */
export const highOf = (value: Int): number =>
  typeof value === "number" ? Math.floor(value / two32) : Number(value >> 32n)
export const lowOf = (value: Int): number =>
  typeof value === "number" ? value - Math.floor(value / two32) * two32 : Number(value & 0xffff_ffffn)

/** Value of `order` before a field that is read again: its byte order was checked when it was read first. */
export const judged = 3

const nothing = new Uint8Array(0)

/** A position in the bits of a packet, and what was read on the way to it. */
export class Cursor {
  /** The window, as bytes and as a view of the same memory. */
  bytes: Uint8Array = nothing
  view: DataView = new DataView(nothing.buffer)
  /** Position of the next bit. */
  at = 0
  /** No field may go beyond this position: the end of the content or of the window, whichever comes first. */
  end = 0
  /** The end of the packet's content, even if the window does not reach so far. */
  content = 0
  /** Position of the window's first bit in the packet. */
  base = 0
  /** Byte order of the last bit field, which may not change within a byte: 1 little-, 2 big-endian; or `judged`. */
  order = 0
  /** By slot: values of fields that lengths and selectors refer to; undefined in an option that was not chosen. */
  refs: Array<Int | undefined> = []

  /** How many elements without any bits were read in the packet. */
  emptyCount = 0

  /** The stream's clock in cycles, as two unsigned halves, and whether anything has set it in this packet. */
  clockHigh = 0
  clockLow = 0
  isClockSet = false

  /** What `readAgain` has saved and `goOn` restores. */
  keptAt = 0
  keptOrder = 0
  keptHigh = 0
  keptLow = 0

  /** Where the scopes of the current event record begin, before they are aligned. */
  commonAt = 0
  ownAt = 0
  payloadAt = 0

  /** Class id of the event record; −1: its header does not tell. */
  eventId: Int = -1
  /** What the packet's header and context said, by the roles of their fields; undefined: no field has the role. */
  streamClassId: Int | undefined = undefined
  streamId: Int | undefined = undefined
  magic: Int | undefined = undefined
  uuid: Uint8Array | undefined = undefined
  totalBits: Int | undefined = undefined
  contentBits: Int | undefined = undefined
  endTime: Int | undefined = undefined
  discarded: Int | undefined = undefined
  sequence: Int | undefined = undefined

  /** Forgets what the packet before has said; to be called before a packet's header is read. */
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

/** Moves to a field that was read before; `goOn` comes back, and undoes what timestamps among such fields did. */
export const readAgain = (cursor: Cursor, at: number): void => {
  cursor.keptAt = cursor.at
  cursor.keptOrder = cursor.order
  cursor.keptHigh = cursor.clockHigh
  cursor.keptLow = cursor.clockLow
  cursor.at = at
  cursor.order = judged
}

/** Comes back from a field that was read again. */
export const goOn = (cursor: Cursor): void => {
  cursor.at = cursor.keptAt
  cursor.order = cursor.keptOrder
  cursor.clockHigh = cursor.keptHigh
  cursor.clockLow = cursor.keptLow
}

/** Throws `short` unless so many more bits are there. */
export const need = (cursor: Cursor, bits: number): void => {
  if (cursor.at + bits > cursor.end) throw short
}

const grainBits = grainBytes * 8

/** Aligns the position in the packet; the window begins at a multiple of the grain. */
export const align = (cursor: Cursor, alignment: number): void => {
  if (alignment === 1) return
  if (alignment <= grainBits) {
    cursor.at = (cursor.at + alignment - 1) & -alignment
  } else {
    cursor.at = Math.ceil((cursor.base + cursor.at) / alignment) * alignment - cursor.base
  }
  if (cursor.at > cursor.end) throw short
}

/** Moves the clock on until its low `bits` are those of a timestamp; 64 bits set it as it is (§7.2). */
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

/** The same for at most 32 bits; `span` is the number of values that these can have. */
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

/** Elements without any bits in one packet: far more than any tracer writes, and few enough to pass over. */
const elementsMax = 2 ** 20

/** Counts elements without any bits, and throws if there are too many: the packet's size does not bound them. */
export const spend = (cursor: Cursor, count: number): void => {
  cursor.emptyCount += count
  if (cursor.emptyCount > elementsMax) {
    throw new Fault("too-many-elements", `${cursor.emptyCount} elements without any bits in one packet`)
  }
}

/** A length as a number. Throws unless so many elements of at least `elementBitsMin` bits fit into the content. */
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
