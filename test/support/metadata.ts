/** Packets of metadata (docs/protocol/ctf.md), and their text. */
import { headBytes } from "../../src/protocol/MetadataPacket.ts"

export const packet = (text: string, padding = 0, isLittle = true): Buffer => {
  const bytes = Buffer.alloc(headBytes + text.length + padding)
  const write = (value: number, at: number) =>
    isLittle ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at)
  write(0x75d11d57, 0)
  write((headBytes + text.length) * 8, 24)
  write(bytes.length * 8, 28)
  bytes.write(text, headBytes)
  return bytes
}

/** Of whole packets. */
export const textOf = (bytes: Buffer, isLittle = true): string => {
  const read = (at: number) => (isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  let text = ""
  for (let at = 0; at < bytes.length; at += read(at + 28) / 8) {
    text += bytes.toString("latin1", at + headBytes, at + read(at + 24) / 8)
  }
  return text
}
