/**
 * Text out of its bytes. What is no UTF-8 goes through as it is where bytes are printed, and is U+FFFD here; what is no
 * UTF-16 or UTF-32 has no form in any output, so it is a fault where the field is read, as babeltrace2 has it.
 */
import type { Encoding } from "../model/FieldClass.ts"
import { Fault } from "./Fault.ts"

const decoders = new Map<Encoding, InstanceType<typeof TextDecoder>>()

const decoderOf = (encoding: Encoding): InstanceType<typeof TextDecoder> => {
  let decoder = decoders.get(encoding)
  if (decoder === undefined) {
    decoder = new TextDecoder(encoding, { ignoreBOM: true, fatal: encoding !== "utf-8" })
    decoders.set(encoding, decoder)
  }
  return decoder
}

const text32 = (bytes: Uint8Array, isLittle: boolean): string => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let result = ""
  for (let at = 0; at < bytes.length; at += 4) {
    const point = view.getUint32(at, isLittle)
    if (point >= 0xd800 && point <= 0xdfff) throw new RangeError("a surrogate")
    result += String.fromCodePoint(point)
  }
  return result
}

/** Of bytes that were cut already. */
export const text = (bytes: Uint8Array, from: number, to: number, encoding: Encoding): string => {
  const part = bytes.subarray(from, to)
  try {
    return encoding.startsWith("utf-32") ? text32(part, encoding.endsWith("le")) : decoderOf(encoding).decode(part)
  } catch {
    throw new Fault("bad-text", `${to - from} bytes of text that are no ${encoding.slice(0, 6).toUpperCase()}`)
  }
}
