/** Headers of the PROXY protocol: what they say, however they are cut, and that nothing else is taken for one. */
import { assert, describe, it } from "@effect/vitest"
import { lengthMax, read } from "../../src/protocol/ProxyHeader.ts"
import * as Balancer from "../support/proxy.ts"

const plain = { isSecure: false, protocol: undefined, commonName: undefined }

const valid: ReadonlyArray<readonly [name: string, bytes: Buffer, said: object]> = [
  ["IPv4", Balancer.ipv4("192.0.2.7", 4711), { source: { address: "192.0.2.7", port: 4711 }, ...plain }],
  [
    "IPv6",
    Balancer.ipv6("2001:0db8:0000:0000:0000:0000:0000:0001", 65_535),
    { source: { address: "2001:db8::1", port: 65_535 }, ...plain }
  ],
  [
    "an IPv4 address as IPv6",
    Balancer.ipv6("0000:0000:0000:0000:0000:ffff:c000:0207", 1),
    { source: { address: "192.0.2.7", port: 1 }, ...plain }
  ],
  ["LOCAL", Balancer.header({ command: 0x20, family: 0 }), { isOwn: true, source: undefined, ...plain }],
  [
    "LOCAL, with what is not to be read",
    Balancer.header({ command: 0x20, family: 0x31, addresses: Buffer.alloc(30, 255) }),
    { isOwn: true, source: undefined, ...plain }
  ],
  ["no address", Balancer.header({ family: 0 }), { source: undefined, ...plain }],
  [
    "entries",
    Balancer.ipv4("192.0.2.7", 1, [
      Balancer.entry(0x04, Buffer.alloc(300)),
      Balancer.entry(0x01, "lttng-data"),
      Balancer.secured(7, 0, "web1, O=x"),
      Balancer.entry(0xea, "")
    ]),
    {
      source: { address: "192.0.2.7", port: 1 },
      isSecure: true,
      protocol: "lttng-data",
      commonName: "web1, O=x"
    }
  ],
  [
    "a certificate that was no good",
    Balancer.ipv4("192.0.2.7", 1, [Balancer.secured(7, 1, "web1")]),
    { source: { address: "192.0.2.7", port: 1 }, isSecure: true, protocol: undefined, commonName: undefined }
  ],
  [
    "no certificate",
    Balancer.ipv4("192.0.2.7", 1, [Balancer.secured(1, 0, "web1")]),
    { source: { address: "192.0.2.7", port: 1 }, isSecure: true, protocol: undefined, commonName: undefined }
  ],
  [
    "a checksum",
    // By another program's arithmetic: CRC-32C of this header with the field empty.
    Balancer.ipv4("192.0.2.7", 1, [
      Balancer.entry(0x03, Buffer.of(0xdd, 0xfd, 0x13, 0xd0)),
      Balancer.entry(0x04, Buffer.of(9, 9))
    ]),
    { source: { address: "192.0.2.7", port: 1 }, ...plain }
  ]
]

const addresses = Buffer.alloc(12)
const invalid: ReadonlyArray<readonly [reason: string, bytes: Buffer]> = [
  ["version 1 of the protocol", Buffer.from("PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n")],
  ["no header of the protocol", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  ["no header of the protocol", Buffer.from("\r\n\r\n\0\r\nQUIT\r")],
  ["version 1 of the protocol", Balancer.header({ command: 0x11, addresses })],
  ["version 3 of the protocol", Balancer.header({ command: 0x31, addresses })],
  ["command 2", Balancer.header({ command: 0x22, addresses })],
  ["a unix socket", Balancer.header({ family: 0x31, addresses: Buffer.alloc(216) })],
  ["datagrams", Balancer.header({ family: 0x12, addresses })],
  ["address family 7", Balancer.header({ family: 0x71, addresses })],
  ["addresses are cut off", Balancer.header({ addresses: Buffer.alloc(11) })],
  ["addresses are cut off", Balancer.header({ family: 0x21, addresses: Buffer.alloc(35) })],
  ["its entries do not fill it", Balancer.ipv4("192.0.2.7", 1, [Buffer.of(1)])],
  ["its entries do not fill it", Balancer.ipv4("192.0.2.7", 1, [Buffer.of(4, 0, 9, 1, 2)])],
  ["its entries do not fill it", Balancer.ipv4("192.0.2.7", 1, [Balancer.entry(0x20, Buffer.of(1, 0))])],
  [
    "its entries do not fill it",
    Balancer.ipv4("192.0.2.7", 1, [Balancer.entry(0x20, Buffer.of(1, 0, 0, 0, 0, 0x22, 9, 9))])
  ],
  ["4097 bytes", Balancer.header({ addresses, length: lengthMax + 1 - 16 })],
  ["its checksum is another", Balancer.ipv4("192.0.2.7", 1, [Balancer.entry(0x03, Buffer.alloc(4))])],
  ["its checksum is another", Balancer.ipv4("192.0.2.7", 1, [Balancer.entry(0x03, Buffer.alloc(3))])],
  ["65551 bytes", Balancer.header({ addresses, length: 65_535 })]
]

describe("a header of the PROXY protocol", () => {
  it.each(valid)("of %s", (_name, bytes, said) => {
    const { length } = bytes
    const expected: object = { _tag: "Header", length, isOwn: false, ...said }
    assert.deepStrictEqual<object>(read(bytes), expected)
    assert.deepStrictEqual<object>(read(Buffer.concat([bytes, bytes])), expected)
    for (let at = 0; at < length; at++) assert.strictEqual(read(bytes.subarray(0, at))._tag, "More", `${at}`)
  })

  it("has room for as many entries as it may have", () => {
    const bytes = Balancer.ipv4("192.0.2.7", 1, [Balancer.entry(4, Buffer.alloc(lengthMax - 16 - 12 - 3))])
    assert.deepInclude(read(bytes), { _tag: "Header", length: lengthMax })
  })

  it.each(invalid)("is refused: %s", (reason, bytes) => {
    assert.deepStrictEqual(read(bytes), { _tag: "Malformed", reason })
  })

  it("with any byte changed is one, is none, or is to be gone on with, and never a defect", () => {
    const bytes = valid[6]?.[1] ?? Buffer.alloc(0)
    for (let at = 0; at < bytes.length; at++)
      for (const value of [0, 1, 0x20, 0x31, 0x7f, 0xff]) {
        const changed = Buffer.from(bytes)
        changed[at] = value
        assert.include(["Header", "Malformed", "More"], read(changed)._tag)
      }
  })
})
