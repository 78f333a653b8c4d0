/** The frame of a ClientHello: found whole however it is cut, and nothing else is taken for one. */

import { Duplex } from "node:stream"
import * as tls from "node:tls"
import { assert, it } from "@effect/vitest"
import { lengthMax, read } from "../../src/protocol/ClientHello.ts"

/** What a client of this platform begins with. */
const helloOf = (options: tls.ConnectionOptions): Promise<Buffer> =>
  new Promise((resolve) => {
    const wire = new Duplex({ read: () => {}, write: (bytes: Buffer) => resolve(bytes) })
    tls.connect({ ...options, socket: wire }).on("error", () => undefined)
  })

const record = (bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(22, 3, 1, bytes.length >> 8, bytes.length & 255), bytes])

it("of clients as they are is whole with its last byte, and not before, also in records of any size", async () => {
  for (const options of [
    { servername: "relay.example", ALPNProtocols: ["lttng-data"] },
    { maxVersion: "TLSv1.2" }
  ] as const) {
    const hello = await helloOf(options)
    for (let length = 0; length < hello.length; length++)
      assert.strictEqual(read(hello.subarray(0, length)), "more", `${length}`)
    assert.strictEqual(read(hello), "whole")
    // Early data, and whatever else is sent behind it.
    assert.strictEqual(read(Buffer.concat([hello, Buffer.from([23, 3, 3, 0, 1, 0])])), "whole")
    const message = hello.subarray(5)
    for (const size of [1, 2, 3, 4, 5, 100, message.length - 1]) {
      const parts = Array.from({ length: Math.ceil(message.length / size) }, (_, at) =>
        record(message.subarray(at * size, (at + 1) * size))
      )
      const cut = Buffer.concat(parts)
      assert.strictEqual(read(cut), "whole", `records of ${size}`)
      assert.strictEqual(read(cut.subarray(0, -1)), "more", `records of ${size}`)
    }
  }
})

it("what can be none is refused as soon as that is seen", () => {
  const refused: Record<string, Buffer> = {
    "no bytes in a record": Buffer.of(22, 3, 1, 0, 0),
    "too long a record": Buffer.of(22, 3, 1, 0x40, 1),
    "another version": Buffer.of(22, 2),
    "another message": Buffer.of(22, 3, 1, 0, 5, 2),
    "another record behind": Buffer.concat([record(Buffer.of(1, 0)), Buffer.of(23)]),
    "too long a message": record(Buffer.of(1, 0, 0x40, 1)),
    "16 MB": record(Buffer.of(1, 255, 255, 255)),
    "one byte a record for ever": Buffer.concat(
      Array.from({ length: lengthMax / 6 + 1 }, (_, at) => record(Buffer.of([1, 0, 0x40, 0][at] ?? 7)))
    )
  }
  for (const [what, bytes] of Object.entries(refused)) assert.isObject(read(bytes), what)
})
