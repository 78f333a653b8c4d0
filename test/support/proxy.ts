/** Headers of the PROXY protocol, version 2, as a balancer sends them. */

const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex")

export const entry = (type: number, value: Uint8Array | string): Buffer => {
  const bytes = Buffer.from(value as string)
  return Buffer.concat([Buffer.of(type, bytes.length >> 8, bytes.length & 255), bytes])
}

export interface Header {
  /** 0x21 is version 2 and PROXY, 0x20 version 2 and LOCAL. */
  readonly command?: number
  readonly family?: number
  readonly addresses?: Buffer
  readonly entries?: ReadonlyArray<Buffer>
  /** Instead of the true one. */
  readonly length?: number
}

export const header = ({
  addresses = Buffer.alloc(0),
  command = 0x21,
  entries = [],
  family = 0x11,
  length
}: Header) => {
  const body = Buffer.concat([addresses, ...entries])
  const size = length ?? body.length
  return Buffer.concat([signature, Buffer.of(command, family, size >> 8, size & 255), body])
}

const ports = (from: number, to: number) => Buffer.of(from >> 8, from & 255, to >> 8, to & 255)

export const ipv4 = (address: string, port: number, entries: ReadonlyArray<Buffer> = []): Buffer =>
  header({
    addresses: Buffer.concat([Buffer.from(address.split(".").map(Number)), Buffer.of(10, 0, 0, 1), ports(port, 5342)]),
    entries
  })

/** `groups` in full: eight of four digits. */
export const ipv6 = (groups: string, port: number): Buffer =>
  header({
    family: 0x21,
    addresses: Buffer.concat([Buffer.from(groups.replaceAll(":", ""), "hex"), Buffer.alloc(16), ports(port, 5342)])
  })

/** What a balancer says of TLS that ends at it: client bits, the outcome of its look at the certificate, its name. */
export const secured = (client: number, outcome: number, commonName: string): Buffer =>
  entry(0x20, Buffer.concat([Buffer.of(client, 0, 0, 0, outcome), entry(0x21, "TLSv1.3"), entry(0x22, commonName)]))
