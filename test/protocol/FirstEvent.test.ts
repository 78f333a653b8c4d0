/** The time of a packet's first event, in every layout that LTTng's tracer of user space has. */
import { assert, describe, it } from "@effect/vitest"
import { Description } from "../../src/model/Description.ts"
import { firstEventTime } from "../../src/protocol/FirstEvent.ts"

const begin = 0x1_2345_6789n
const end = begin + 2n ** 40n

const packetOf = (isBigEndian: boolean, longBytes: 4 | 8, events: Buffer): Buffer => {
  const view = new DataView(new ArrayBuffer(76 + longBytes + events.length))
  const order = !isBigEndian
  const bits = BigInt(8 * view.byteLength)
  view.setUint32(0, 0xc1fc1fc1, order)
  for (const [at, value] of [begin, end, bits, bits].entries()) view.setBigUint64(32 + 8 * at, value, order)
  const bytes = Buffer.from(view.buffer)
  events.copy(bytes, 76 + longBytes)
  return bytes
}

/** Numbers one behind the other, each with its place and size. */
const eventOf = (isBigEndian: boolean, ...numbers: ReadonlyArray<readonly [number, number, bigint]>): Buffer => {
  const bytes = Buffer.alloc(40)
  for (const [at, size, value] of numbers) {
    const hex = value.toString(16).padStart(2 * size, "0")
    const number = Buffer.from(hex, "hex")
    if (!isBigEndian) number.reverse()
    number.copy(bytes, at)
  }
  return bytes
}

describe("the first event of a packet", () => {
  for (const isBigEndian of [false, true]) {
    for (const longBytes of [4, 8] as const) {
      const name = `${isBigEndian ? "big" : "little"}-endian, long of ${longBytes} bytes`
      const event = (...numbers: ReadonlyArray<readonly [number, number, bigint]>) =>
        packetOf(isBigEndian, longBytes, eventOf(isBigEndian, ...numbers))
      const compactOf = (id: bigint, low: bigint) => (isBigEndian ? (id << 27n) | low : (low << 5n) | id)

      it(`${name}: compact`, () => {
        const layout = { header: "compact", longBytes, isPacked: true } as const
        const time = (low: bigint) => firstEventTime(event([0, 4, compactOf(3n, low)]), layout)
        const low = begin % 2n ** 27n
        assert.deepStrictEqual([time(low), time(low + 5n), time(low - 1n)], [begin, begin + 5n, begin + 2n ** 27n - 1n])
        const whole = begin + 2n ** 39n
        const extended = compactOf(31n, 0n)
        const first = isBigEndian ? extended >> 24n : extended
        assert.strictEqual(firstEventTime(event([0, 1, first], [1, 4, 77n], [5, 8, whole]), layout), whole)
        // A u64 begins at a multiple of 8 from the packet's begin.
        const at = (84 + longBytes) % 8 === 0 ? 8 : 12
        const aligned = event([0, 1, first], [4, 4, 77n], [at, 8, whole])
        assert.strictEqual(firstEventTime(aligned, { ...layout, isPacked: false }), whole)
      })

      it(`${name}: large`, () => {
        const layout = { header: "large", longBytes, isPacked: true } as const
        const low = begin % 2n ** 32n
        const time = (value: bigint) => firstEventTime(event([0, 2, 3n], [2, 4, value]), layout)
        assert.deepStrictEqual([time(low), time(low - 1n)], [begin, begin + 2n ** 32n - 1n])
        const unpacked = { ...layout, isPacked: false }
        assert.strictEqual(firstEventTime(event([0, 2, 3n], [4, 4, low + 9n]), unpacked), begin + 9n)
        const whole = begin + 2n ** 39n
        assert.strictEqual(firstEventTime(event([0, 2, 65535n], [2, 4, 7n], [6, 8, whole]), layout), whole)
        const at = (84 + longBytes) % 8 === 0 ? 8 : 12
        assert.strictEqual(firstEventTime(event([0, 2, 65535n], [4, 4, 7n], [at, 8, whole]), unpacked), whole)
      })

      it(`${name}: no event, or not a packet`, () => {
        const layout = { header: "large", longBytes, isPacked: true } as const
        const empty = Buffer.concat([packetOf(isBigEndian, longBytes, Buffer.alloc(0)), Buffer.alloc(4)])
        assert.strictEqual(firstEventTime(empty, layout), undefined)
        assert.strictEqual(firstEventTime(empty.subarray(1), layout), "unknown")
        assert.strictEqual(firstEventTime(event([0, 2, 3n]).subarray(0, 84), layout), "unknown")
      })
    }
  }

  const described = (...texts: ReadonlyArray<string>): Description => {
    const description = new Description()
    for (const text of texts) description.read(Buffer.from(text), 0, text.length)
    return description
  }
  const packet = packetOf(false, 8, eventOf(false, [0, 2, 3n], [2, 4, (begin + 9n) % 2n ** 32n]))

  it("is read as the metadata says, in TSDL and in CTF 2, in pieces too", () => {
    const ctf2 = JSON.stringify(
      {
        "event-record-header-field-class": {
          "member-classes": [{ "field-class": { alignment: 8, "byte-order": "little-endian", length: 16 } }]
        }
      },
      null,
      2
    )
    const both = "struct event_header_compact {}; event.header := struct event_header_"
    for (const description of [
      described(`${both}large;`),
      described(both, "large;"),
      described(ctf2),
      described(JSON.stringify(JSON.parse(ctf2))),
      described(...(ctf2.match(/.{1,7}/gs) ?? []))
    ]) {
      assert.strictEqual(description.firstEvent(packet), begin + 9n)
    }
    assert.strictEqual(described("event.header := struct { uint64_t t; };").firstEvent(packet), "unknown")
  })

  it("is where a tracer of 32 bits writes it, and where its numbers are aligned", () => {
    const narrow = packetOf(false, 4, eventOf(false, [0, 2, 3n], [2, 4, (begin + 9n) % 2n ** 32n]))
    const aligned = packetOf(false, 8, eventOf(false, [0, 2, 3n], [4, 4, (begin + 9n) % 2n ** 32n]))
    const header = "event.header := struct event_header_large;"
    for (const width of ["architecture_bit_width = 32;", '"architecture_bit_width": 32,']) {
      assert.strictEqual(described(width, header).firstEvent(narrow), begin + 9n)
    }
    for (const align of ["align = 32;", '"alignment": 32,']) {
      assert.strictEqual(described(align, header).firstEvent(aligned), begin + 9n)
    }
    const usual = described("architecture_bit_width = 64; align = 8;", header)
    assert.strictEqual(usual.firstEvent(packet), begin + 9n)
    for (const other of [narrow, aligned]) assert.notStrictEqual(usual.firstEvent(other), begin + 9n)
  })

  it("is the earlier one if the trace has both layouts", () => {
    const both = described("event.header := struct event_header_compact; event.header := struct event_header_large;")
    const compact = described("event.header := struct event_header_compact;").firstEvent(packet)
    assert.isTrue(typeof compact === "bigint" && compact !== begin + 9n)
    assert.strictEqual(both.firstEvent(packet), (compact as bigint) < begin + 9n ? compact : begin + 9n)
  })
})
