/**
 * Whether the ClientHello of a TLS connection is there as a whole (RFC 8446, §4, §5.1), so that no handshake is begun
 * for one that never comes, or for other bytes; and the tickets in it. Pure.
 */

export type Reading = "whole" | "more" | { readonly reason: string }

const handshakeRecord = 22
const major = 3
const recordHeaderBytes = 5
const recordBytesMax = 1 << 14
const clientHello = 1
const messageHeaderBytes = 4
/** OpenSSL takes no longer ones; with the largest keys in use they have some two thousand bytes. */
const messageBytesMax = 1 << 14
/** Most bytes in which a whole hello must come, with the headers of its records, which may be short. */
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

/** Types of the extensions in which tickets are: of TLS 1.2, and of 1.3 (pre-shared keys). */
const extensions = { ticket: 35, keys: 41 } as const
const versionAndRandomBytes = 34

/** Reads numbers and vectors; beyond the end it reads zeros and empty vectors. */
class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.length
  }

  number(byteCount: number): number {
    const number = this.#at + byteCount <= this.#bytes.length ? this.#bytes.readUIntBE(this.#at, byteCount) : 0
    this.#at += byteCount
    return number
  }

  skip(byteCount: number): void {
    this.#at += byteCount
  }

  /** A cursor on the vector that comes next, with a length of `lengthBytes` bytes before it. */
  vector(lengthBytes: number): Cursor {
    return new Cursor(this.bytes(lengthBytes))
  }

  bytes(lengthBytes: number): Buffer {
    const length = this.number(lengthBytes)
    const from = this.#at
    this.#at += length
    return this.#bytes.subarray(from, this.#at)
  }
}

/** The tickets in a whole hello, which the client was given in earlier connections. */
export const ticketsOf = (bytes: Uint8Array): ReadonlyArray<Buffer> => {
  const records: Array<Uint8Array> = []
  for (let at = 0; at + recordHeaderBytes <= bytes.length; ) {
    const length = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0)
    records.push(bytes.subarray(at + recordHeaderBytes, at + recordHeaderBytes + length))
    at += recordHeaderBytes + length
  }
  const hello = new Cursor(Buffer.concat(records))
  hello.skip(messageHeaderBytes + versionAndRandomBytes)
  // Session id, ciphers, and compressions.
  for (const lengthBytes of [1, 2, 1]) hello.bytes(lengthBytes)
  const found: Array<Buffer> = []
  for (const all = hello.vector(2); all.hasMore; ) {
    const type = all.number(2)
    const content = all.bytes(2)
    if (type === extensions.ticket && content.length > 0) found.push(content)
    if (type !== extensions.keys) continue
    for (const shown = new Cursor(content).vector(2); shown.hasMore; ) {
      found.push(shown.bytes(2))
      // The ticket's age.
      shown.skip(4)
    }
  }
  return found
}
