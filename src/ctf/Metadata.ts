/**
 * Metadata as relays store and serve it: CTF metadata packets, each padded, or bare text (TSDL, or CTF 2 JSON).
 *
 * It finds packet boundaries, text and the trace clock. It does not interpret event types. Pure.
 */

/** One message of metadata: what to send, and the zeroes to append in the file. */
export interface Part {
  readonly bytes: Uint8Array
  readonly paddingBytes: number
}

/** How the trace's timestamps become time. */
export interface TraceClock {
  /** Cycles per second. */
  readonly frequency: bigint
  /** Nanoseconds since the epoch at cycle 0. */
  readonly offsetNanos: bigint
}

const magic = 0x75d11d57
/** Magic, UUID, checksum, content size, packet size, three scheme bytes, version: `storage.md` §3 of the formats. */
const packetHeadBytes = 37
const contentBitsAt = 24
const packetBitsAt = 28

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Undefined when the bytes are bare text. The tracer writes in its own byte order. */
const isLittleEndian = (view: DataView, at: number): boolean | undefined => {
  if (view.byteLength - at < packetHeadBytes) return undefined
  if (view.getUint32(at, true) === magic) return true
  return view.getUint32(at, false) === magic ? false : undefined
}

interface MetadataPacket {
  readonly content: Uint8Array
  readonly whole: Uint8Array
}

/** Whole packets from the start; what follows them is text, or a packet still growing. */
const packets = (bytes: Uint8Array): { readonly packets: ReadonlyArray<MetadataPacket>; readonly rest: Uint8Array } => {
  const view = viewOf(bytes)
  const found: Array<MetadataPacket> = []
  let at = 0
  while (true) {
    const order = isLittleEndian(view, at)
    if (order === undefined) break
    const contentBytes = view.getUint32(at + contentBitsAt, order) / 8
    const packetBytes = view.getUint32(at + packetBitsAt, order) / 8
    if (contentBytes < packetHeadBytes || packetBytes < contentBytes || at + packetBytes > bytes.length) break
    found.push({ content: bytes.subarray(at, at + contentBytes), whole: bytes.subarray(at, at + packetBytes) })
    at += packetBytes
  }
  return { packets: found, rest: bytes.subarray(at) }
}

export const isZero = (bytes: Uint8Array): boolean => {
  for (const byte of bytes) if (byte !== 0) return false
  return true
}

/** Without the zeroes at its end, which are as good as sent when they are told as padding. */
const padded = ({ content, whole }: MetadataPacket): Part =>
  isZero(whole.subarray(content.length))
    ? { bytes: content, paddingBytes: whole.length - content.length }
    : { bytes: whole, paddingBytes: 0 }

/** The messages a tracer would have sent: viewers get to see whole packets only. */
export const parts = (bytes: Uint8Array): ReadonlyArray<Part> => {
  const { packets: whole, rest } = packets(bytes)
  const sent = whole.map(padded)
  return rest.length === 0 ? sent : [...sent, { bytes: rest, paddingBytes: 0 }]
}

export const text = (bytes: Uint8Array): string => {
  const { packets: whole, rest } = packets(bytes)
  const decoder = new TextDecoder()
  const texts = whole.map(({ content }) => decoder.decode(content.subarray(packetHeadBytes)))
  return texts.join("") + decoder.decode(rest)
}

const nanosPerSecond = 1_000_000_000n

const clockOf = (frequency: bigint, offsetSeconds: bigint, offsetCycles: bigint): TraceClock => ({
  frequency,
  offsetNanos: offsetSeconds * nanosPerSecond + (offsetCycles * nanosPerSecond) / frequency
})

const number = (text: string, pattern: RegExp, otherwise: bigint): bigint => {
  const found = pattern.exec(text)?.[1]
  return found === undefined ? otherwise : BigInt(found)
}

const recordSeparator = "\u001e"

/** A CTF 2 fragment that declares a clock. */
const clockFragment = (fragment: string): TraceClock | undefined => {
  if (!fragment.includes("clock-class")) return undefined
  try {
    const { type, frequency, "offset-from-origin": offset } = JSON.parse(fragment)
    if (type !== "clock-class") return undefined
    return clockOf(BigInt(frequency ?? nanosPerSecond), BigInt(offset?.seconds ?? 0), BigInt(offset?.cycles ?? 0))
  } catch {
    // Text that is still growing.
    return undefined
  }
}

/** The first clock the metadata declares; undefined while there is none. */
export const clock = (metadataText: string): TraceClock | undefined => {
  const tsdl = /\bclock\s*\{([^}]*)\}/.exec(metadataText)?.[1]
  if (tsdl !== undefined) {
    const frequency = number(tsdl, /\bfreq\s*=\s*(\d+)/, nanosPerSecond)
    return clockOf(frequency, number(tsdl, /\boffset_s\s*=\s*(-?\d+)/, 0n), number(tsdl, /\boffset\s*=\s*(-?\d+)/, 0n))
  }
  for (const fragment of metadataText.split(recordSeparator)) {
    const found = clockFragment(fragment)
    if (found !== undefined) return found
  }
  return undefined
}

export const toNanos = (clock: TraceClock | undefined, cycles: bigint): bigint => {
  if (clock === undefined) return cycles
  const { frequency, offsetNanos } = clock
  return offsetNanos + (frequency === nanosPerSecond ? cycles : (cycles * nanosPerSecond) / frequency)
}
