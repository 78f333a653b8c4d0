/** Short records of which one bit is wrong: a handle that is lost costs all streams behind it on its connection. */
import { headBytes, isWhole, offsets } from "../../protocol/journal/Record.ts"
import { checksums } from "./Checksums.ts"

/** The fewer bits are tried, the less often damage of another kind is taken for one: here in four million. */
const bytesMax = 128

/** Whether the payload of the record at `at` is as it was written, after a bit of it was put right. */
export const isMended = (bytes: Buffer, at: number): boolean => {
  const byteCount = bytes.readUInt32BE(at + offsets.byteCount)
  if (byteCount > bytesMax) return false
  const from = at + headBytes
  for (let bit = 0; bit < 8 * byteCount; bit++) {
    const place = from + (bit >> 3)
    const mask = 1 << (bit & 7)
    bytes[place] = (bytes[place] as number) ^ mask
    if (isWhole(bytes, at, checksums)) return true
    bytes[place] = (bytes[place] as number) ^ mask
  }
  return false
}
