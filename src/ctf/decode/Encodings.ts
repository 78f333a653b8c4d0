/**
 * Decodes text. Ill-formed UTF-8 becomes U+FFFD here; printers of bytes pass it on as it is. Ill-formed UTF-16 or
 * UTF-32 has no form in any output, so it is a fault where the field is read, as in babeltrace2.
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

/** The text in `[from, to)`, which has been cut at its first zero already. */
export const text = (bytes: Uint8Array, from: number, to: number, encoding: Encoding): string => {
  const part = bytes.subarray(from, to)
  try {
    return encoding.startsWith("utf-32") ? text32(part, encoding.endsWith("le")) : decoderOf(encoding).decode(part)
  } catch {
    throw new Fault("bad-text", `${to - from} bytes of text that are no ${encoding.slice(0, 6).toUpperCase()}`)
  }
}
