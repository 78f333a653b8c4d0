/**
 * The header in which a load balancer describes a connection before its first byte: the PROXY protocol, version 2
 * (HAProxy's proxy-protocol.txt, §2.2). Pure.
 */

export interface ProxyHeader {
  readonly _tag: "Header"
  /** Bytes of the header; what follows is from the peer. */
  readonly length: number
  /** True: the connection is the proxy's own, such as a health check. */
  readonly isOwn: boolean
  /** The peer's address; undefined: the connection is the proxy's own, or the proxy does not know. */
  readonly source: { readonly address: string; readonly port: number } | undefined
  /** True: the peer spoke TLS to the proxy. */
  readonly isSecure: boolean
  /** The protocol that the peer chose there (ALPN). */
  readonly protocol: string | undefined
  /** Common name of the certificate that the peer showed there and that the proxy found good. */
  readonly commonName: string | undefined
}

export type Reading = ProxyHeader | { readonly _tag: "More" } | { readonly _tag: "Malformed"; readonly reason: string }

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1")
const fixedBytes = 16
/** Most bytes of a header; with the names that a proxy tells there are some hundred. */
export const lengthMax = 4096

const more: Reading = { _tag: "More" }
const malformed = (reason: string): Reading => ({ _tag: "Malformed", reason })

const types = { alpn: 0x01, checksum: 0x03, ssl: 0x20, sslCommonName: 0x22 } as const
const clientBits = { ssl: 0x01, certificate: 0x02 | 0x04 } as const

/** The entries (TLVs) by type; undefined: they do not fill `bytes` exactly. */
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

/** CRC-32C of the bytes of all `parts` in order (§2.2.3). */
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

/** Whether the checksum `stated`, which lies in a whole header, is right. */
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

/** For each family and transport: length of the addresses, and how to read the source. */
const families: ReadonlyMap<number, readonly [length: number, read: (bytes: Buffer) => ProxyHeader["source"]]> =
  new Map([
    [0x11, [12, (bytes: Buffer) => ({ address: address4(bytes), port: bytes.readUInt16BE(8) })]],
    [0x21, [36, (bytes: Buffer) => ({ address: address6(bytes), port: bytes.readUInt16BE(32) })]],
    // The proxy does not know: the connection's own address counts.
    [0x00, [0, () => undefined]]
  ])

const unknownFamilies: Readonly<Record<number, string>> = { 1: "datagrams", 2: "datagrams", 3: "a unix socket" }

type Secure = Pick<ProxyHeader, "isSecure" | "commonName">
const plain: Secure = { isSecure: false, commonName: undefined }

/** What the proxy says of TLS; undefined: malformed. */
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

/** Reads the header; `bytes` is all that came of the connection so far. */
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
  // LOCAL: the proxy's own connections, such as health checks.
  if (command === 0) return { _tag: "Header", length, isOwn: true, source: undefined, protocol: undefined, ...plain }
  return body(bytes.subarray(0, length))
}
