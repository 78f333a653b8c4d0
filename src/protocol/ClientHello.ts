/**
 * The first message of a TLS connection, as far as its frame (RFC 8446, §4, §5.1): whether it is there as a whole, so
 * that nothing is begun for one that never comes, and nothing at all for what is none. Pure: bytes so far in.
 */

export type Reading = "whole" | "more" | { readonly reason: string }

const handshakeRecord = 22
const major = 3
const recordHeaderBytes = 5
const recordBytesMax = 1 << 14
const clientHello = 1
const messageHeaderBytes = 4
/** OpenSSL takes no longer one; with the largest keys in use it has two thousand. */
const messageBytesMax = 1 << 14
/** With the headers of its records, of which each may have a single byte. */
export const lengthMax = 1 << 15

const refuse = (reason: string): Reading => ({ reason })

export const read = (bytes: Uint8Array): Reading => {
  const head: Array<number> = []
  let messageBytes = 0
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== handshakeRecord || (bytes[at + 1] ?? major) !== major) return refuse("no record of a handshake")
    if (at + recordHeaderBytes > bytes.length) break
    const length = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0)
    if (length === 0 || length > recordBytesMax) return refuse(`a record of ${length} bytes`)
    const part = bytes.subarray(at + recordHeaderBytes, at + recordHeaderBytes + length)
    head.push(...part.subarray(0, messageHeaderBytes - head.length))
    messageBytes += part.length
    const [type = clientHello, ...size] = head
    if (type !== clientHello) return refuse("no ClientHello")
    if (head.length === messageHeaderBytes) {
      const announced = size.reduce((sum, byte) => sum * 256 + byte, 0)
      if (announced > messageBytesMax) return refuse(`a ClientHello of ${announced} bytes`)
      if (messageBytes >= messageHeaderBytes + announced) return "whole"
    }
    at += recordHeaderBytes + length
  }
  return bytes.length > lengthMax ? refuse(`no ClientHello in ${bytes.length} bytes`) : "more"
}
