/**
 * What a load balancer says of a connection before its first byte: the PROXY protocol, version 2 (HAProxy's
 * proxy-protocol.txt, §2.2). Pure: bytes so far in, what they say out.
 */

export interface ProxyHeader {
  readonly _tag: "Header"
  /** Bytes; what follows is the peer's. */
  readonly length: number
  /** The proxy speaks for itself. */
  readonly isOwn: boolean
  /** Undefined: that, or the proxy does not know. */
  readonly source: { readonly address: string; readonly port: number } | undefined
  /** The peer spoke TLS to the proxy. */
  readonly isSecure: boolean
  /** The protocol that it chose there (ALPN). */
  readonly protocol: string | undefined
  /** Of the certificate that it showed there, and that the proxy found good. */
  readonly commonName: string | undefined
}

export type Reading = ProxyHeader | { readonly _tag: "More" } | { readonly _tag: "Malformed"; readonly reason: string }

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1")
const fixedBytes = 16
/** With the names that a proxy tells there are some hundred bytes. */
export const lengthMax = 4096

const more: Reading = { _tag: "More" }
const malformed = (reason: string): Reading => ({ _tag: "Malformed", reason })

const types = { alpn: 0x01, checksum: 0x03, ssl: 0x20, sslCommonName: 0x22 } as const
const clientBits = { ssl: 0x01, certificate: 0x02 | 0x04 } as const

/** By type; undefined: they do not fill `bytes`. */
const entriesOf = (bytes: Buffer): ReadonlyMap<number, Buffer> | undefined => {
  const entries = new Map<number, Buffer>()
  let at = 0
  while (at < bytes.length) {
    if (at + 3 > bytes.length) return undefined
    const end = at + 3 + bytes.readUInt16BE(at + 1)
    if (end > bytes.length) return undefined
    entries.set(bytes.readUInt8(at), bytes.subarray(at + 3, end))
    at = end
  }
  return entries
}

/** CRC-32C of those that `parts` are one behind the other (§2.2.3). */
const checksumOf = (...parts: ReadonlyArray<Uint8Array>): number => {
  let sum = 0xffff_ffff
  for (const part of parts) {
    for (const byte of part) {
      sum ^= byte
      for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ ((sum & 1) === 0 ? 0 : 0x82f6_3b78)
    }
  }
  return ~sum >>> 0
}

/** Of a whole header, where `stated` lies in it. */
const isTrue = (header: Buffer, stated: Buffer): boolean => {
  const at = stated.byteOffset - header.byteOffset
  return (
    stated.length === 4 &&
    stated.readUInt32BE(0) === checksumOf(header.subarray(0, at), Buffer.alloc(4), header.subarray(at + 4))
  )
}

const address4 = (bytes: Buffer) => bytes.subarray(0, 4).join(".")

const address6 = (bytes: Buffer): string => {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16))
  const isMapped = groups.slice(0, 6).join(":") === "0:0:0:0:0:ffff"
  return isMapped ? address4(bytes.subarray(12)) : new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1)
}

/** Of a family and a transport: where its addresses end, and what they say. */
const families: ReadonlyMap<number, readonly [length: number, read: (bytes: Buffer) => ProxyHeader["source"]]> =
  new Map([
    [0x11, [12, (bytes: Buffer) => ({ address: address4(bytes), port: bytes.readUInt16BE(8) })]],
    [0x21, [36, (bytes: Buffer) => ({ address: address6(bytes), port: bytes.readUInt16BE(32) })]],
    // Unknown to the proxy: the connection's own ends count.
    [0x00, [0, () => undefined]]
  ])

const unknownFamilies: Readonly<Record<number, string>> = { 1: "datagrams", 2: "datagrams", 3: "a unix socket" }

type Secure = Pick<ProxyHeader, "isSecure" | "commonName">
const plain: Secure = { isSecure: false, commonName: undefined }

/** Undefined: malformed. */
const secureOf = (bytes: Buffer | undefined): Secure | undefined => {
  if (bytes === undefined) return plain
  const inner = bytes.length < 5 ? undefined : entriesOf(bytes.subarray(5))
  if (inner === undefined) return undefined
  const client = bytes.readUInt8(0)
  const isVerified = (client & clientBits.certificate) !== 0 && bytes.readUInt32BE(1) === 0
  const name = inner.get(types.sslCommonName)?.toString("utf8")
  return { isSecure: (client & clientBits.ssl) !== 0, commonName: isVerified ? name : undefined }
}

const body = (header: Buffer): Reading => {
  const family = header.readUInt8(13)
  const bytes = header.subarray(fixedBytes)
  const known = families.get(family)
  if (known === undefined) return malformed(unknownFamilies[family >> 4] ?? `address family ${family >> 4}`)
  const [addressBytes, read] = known
  if (bytes.length < addressBytes) return malformed("addresses are cut off")
  const entries = entriesOf(bytes.subarray(addressBytes))
  const secure = entries && secureOf(entries.get(types.ssl))
  if (entries === undefined || secure === undefined) return malformed("its entries do not fill it")
  const checksum = entries.get(types.checksum)
  if (checksum !== undefined && !isTrue(header, checksum)) return malformed("its checksum is another")
  const protocol = entries.get(types.alpn)?.toString("latin1")
  return { _tag: "Header", length: header.length, isOwn: false, source: read(bytes), protocol, ...secure }
}

/** `bytes` is all that came so far. */
export const read = (bytes: Buffer): Reading => {
  const begun = Math.min(bytes.length, signature.length)
  if (!bytes.subarray(0, begun).equals(signature.subarray(0, begun))) {
    const isOlder = bytes.toString("latin1", 0, 6) === "PROXY "
    return malformed(isOlder ? "version 1 of the protocol" : "no header of the protocol")
  }
  if (bytes.length < fixedBytes) return more
  const [version, command] = [bytes.readUInt8(12) >> 4, bytes.readUInt8(12) & 15]
  if (version !== 2) return malformed(`version ${version} of the protocol`)
  if (command > 1) return malformed(`command ${command}`)
  const length = fixedBytes + bytes.readUInt16BE(14)
  if (length > lengthMax) return malformed(`${length} bytes`)
  if (bytes.length < length) return more
  // Its own connections, such as health checks.
  if (command === 0) return { _tag: "Header", length, isOwn: true, source: undefined, protocol: undefined, ...plain }
  return body(bytes.subarray(0, length))
}
