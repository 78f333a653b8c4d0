/** Splits stored metadata into the messages that a tracer would have sent: viewers get to see whole packets only. */
import { type MetadataPacket, packets } from "./Text.ts"

/** One message of metadata: the bytes to send, and how many zeroes follow them in the file. */
export interface Part {
  readonly bytes: Uint8Array
  readonly paddingBytes: number
}

export const isZero = (bytes: Uint8Array): boolean => {
  for (const byte of bytes) if (byte !== 0) return false
  return true
}

/** The message for a packet. Zeroes at its end need not be sent: they are told as padding. */
const padded = ({ content, whole }: MetadataPacket): Part =>
  isZero(whole.subarray(content.length))
    ? { bytes: content, paddingBytes: whole.length - content.length }
    : { bytes: whole, paddingBytes: 0 }

export const parts = (bytes: Uint8Array): ReadonlyArray<Part> => {
  const { packets: whole, rest } = packets(bytes)
  const sent = whole.map(padded)
  return rest.length === 0 ? sent : [...sent, { bytes: rest, paddingBytes: 0 }]
}
