/** The frame of a ClientHello: found whole however it is cut, and nothing else is taken for one. */
import { assert, it } from "@effect/vitest"
import { lengthMax, read, ticketsOf } from "../../src/protocol/ClientHello.ts"
import { helloOf } from "../support/hello.ts"

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

const sized = (lengthBytes: number, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(parts)
  const length = Buffer.alloc(lengthBytes)
  length.writeUIntBE(content.length, 0, lengthBytes)
  return Buffer.concat([length, content])
}

const helloWith = (...extensions: ReadonlyArray<readonly [type: number, content: Uint8Array]>): Buffer => {
  const all = extensions.map(([type, content]) => Buffer.concat([Buffer.of(0, type), sized(2, content)]))
  const ids = [sized(1, Buffer.alloc(32, 1)), sized(2, Buffer.of(0x13, 1)), sized(1, Buffer.of(0))]
  return Buffer.concat([Buffer.of(1), sized(3, Buffer.alloc(34, 3), ...ids, sized(2, ...all))])
}

it("tickets are those that either version shows, in records of any size, and however a hello is cut off", async () => {
  const shown = ["first", "second"].map((text) => Buffer.from(text.repeat(40)))
  const identities = shown.map((ticket) => Buffer.concat([sized(2, ticket), Buffer.of(1, 2, 3, 4)]))
  const binders = sized(2, sized(1, Buffer.alloc(32, 9)))
  const old = Buffer.from("of 1.2")
  const hello = helloWith([0, Buffer.from("name")], [35, old], [41, Buffer.concat([sized(2, ...identities), binders])])
  for (const size of [1, 7, 100, hello.length]) {
    const parts = Array.from({ length: Math.ceil(hello.length / size) }, (_, at) =>
      record(hello.subarray(at * size, (at + 1) * size))
    )
    assert.deepStrictEqual(ticketsOf(Buffer.concat(parts)), [old, ...shown], `records of ${size}`)
  }
  for (let length = 0; length < hello.length; length++) {
    for (const ticket of ticketsOf(record(hello.subarray(0, length)))) assert.isAtMost(ticket.length, length)
    const wrong = Buffer.from(hello)
    wrong[length] = 0xff
    ticketsOf(record(wrong))
  }
  for (const empty of [helloWith([35, Buffer.alloc(0)]), helloWith(), Buffer.alloc(0)])
    assert.deepStrictEqual(ticketsOf(record(empty)), [])
  assert.deepStrictEqual(ticketsOf(await helloOf({ servername: "relay.example" })), [])
})
