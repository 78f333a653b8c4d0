/** What is read more than once, or referred to from far: lengths, clocks and byte order stay what they were. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { DataStream, event, failed, inMemory } from "../../src/ctf/decode/DataStream.ts"
import { TracePlan } from "../../src/ctf/decode/Plan.ts"
import { parse } from "../../src/ctf/metadata/GrowingMetadata.ts"
import { Bytes } from "../../src/ctf/print/Bytes.ts"
import { defaults, Text } from "../../src/ctf/print/Text.ts"

const metadata = `/* CTF 1.8 */
typealias integer { size = 8; align = 8; signed = false; } := uint8_t;
trace { major = 1; minor = 8; byte_order = le; };
event {
  name = "e";
  fields := struct {
    enum : uint8_t { small = 0, large = 1 } tag;
    variant <tag> { uint8_t small; struct { uint8_t pad; uint8_t count; } large; } v;
    uint8_t values[v.small];
  };
};
`

const read = (code: TracePlan["code"], bytes: ReadonlyArray<number>) => {
  const parsed = parse(Buffer.from(metadata))
  assert.isTrue(Result.isSuccess(parsed))
  const plan = new TracePlan(Result.getOrThrow(parsed), undefined, code)
  const stream = new DataStream("stream", plan)
  assert.isTrue(stream.open(inMemory(Uint8Array.from(bytes))))
  const out = new Bytes()
  const text = new Text()
  let outcome = stream.next()
  for (; outcome === event; outcome = stream.next()) text.event(stream, out)
  return { text: Buffer.from(out.written).toString(), outcome, failure: stream.failure }
}

const chosen = [0, 2, 7, 8]
const line = 'e: { tag = ( "small" : container = 0 ), v = { 2 }, values = [ [0] = 7, [1] = 8 ] }\n'

describe.for(["generated", "closures"] as const)("a length in an option of a variant (%s)", (code) => {
  it("is that of the same record", () => {
    // More records than it takes to be worth generated code.
    const count = 500
    const { outcome, text } = read(code, Array.from({ length: count }, () => chosen).flat())
    assert.notStrictEqual(outcome, failed)
    assert.strictEqual(text, line.repeat(count))
  })

  it("is never that of a record before which chose it", () => {
    for (const count of [0, 1, 500]) {
      const before = Array.from({ length: count }, () => chosen).flat()
      const { failure, outcome, text } = read(code, [...before, 1, 0, 2, 7, 8, 9])
      assert.strictEqual(outcome, failed)
      assert.strictEqual(failure?.kind, "variant-no-option")
      assert.strictEqual(failure?.bit, before.length * 8)
      assert.strictEqual(text, line.repeat(count))
    }
  })
})

const two = `/* CTF 1.8 */
typealias integer { size = 8; align = 8; signed = false; } := uint8_t;
trace { major = 1; minor = 8; byte_order = le; };
stream {
  packet.context := struct { uint8_t count; };
  event.header := struct { uint8_t id; };
};
event { name = "plain"; id = 0; fields := struct { uint8_t x; }; };
event { name = "counted"; id = 1; fields := struct { uint8_t values[stream.packet.context.count]; }; };
`

describe.for(["generated", "closures"] as const)("a length in a packet's context (%s)", (code) => {
  it("is known in a packet that was open when another stream met the first class that needs it", () => {
    const plan = new TracePlan(Result.getOrThrow(parse(Buffer.from(two))), undefined, code)
    const streams = [1, 2].map((count) => {
      const stream = new DataStream(`stream ${count}`, plan)
      assert.isTrue(stream.open(inMemory(Uint8Array.from([count, 0, 9, 1, 7, 8]))))
      return stream
    })
    const [first, second] = streams as [DataStream, DataStream]
    const [out, text] = [new Bytes(), new Text()]
    for (const stream of [first, second, first, second]) {
      assert.strictEqual(stream.next(), event)
      text.event(stream, out)
    }
    assert.deepStrictEqual(Buffer.from(out.written).toString().split("\n"), [
      "plain: { count = 1 }, { x = 9 }",
      "plain: { count = 2 }, { x = 9 }",
      "counted: { count = 1 }, { values = [ [0] = 7 ] }",
      "counted: { count = 2 }, { values = [ [0] = 7, [1] = 8 ] }",
      ""
    ])
  })
})

const within = `/* CTF 1.8 */
trace { major = 1; minor = 8; byte_order = be; packet.header := struct { integer { size = 4; align = 1; } half; }; };
stream {
  packet.context := struct {
    integer { size = 4; align = 1; } half;
    integer { size = 12; align = 1; byte_order = le; } other;
  };
};
event { name = "e"; fields := struct {
  integer { size = 4; align = 1; byte_order = le; } half;
  integer { size = 12; align = 1; byte_order = be; } other;
  integer { size = 4; align = 1; byte_order = be; } last;
}; };
`

describe.for(["generated", "closures"] as const)("what begins inside of a byte (%s)", (code) => {
  it("is printed whatever the byte order is where it ends", () => {
    const plan = new TracePlan(Result.getOrThrow(parse(Buffer.from(within))), undefined, code)
    const stream = new DataStream("stream", plan)
    assert.isTrue(stream.open(inMemory(Uint8Array.of(0x12, 0x34, 0x56, 0x78, 0x9a))))
    const [out, text] = [new Bytes(), new Text()]
    assert.strictEqual(stream.next(), event)
    text.event(stream, out)
    const line = "e: { half = 2, other = 1588 }, { half = 5, other = 1929, last = 10 }\n"
    assert.strictEqual(Buffer.from(out.written).toString(), line)
  })
})

const mapped = `/* CTF 1.8 */
typealias integer { size = 8; align = 8; signed = false; } := uint8_t;
trace { major = 1; minor = 8; byte_order = le; };
clock { name = c; freq = 1000000000; };
stream { event.header := struct { integer { size = 32; map = clock.c.value; } timestamp; }; };
event { name = "e"; fields := struct { integer { size = 8; map = clock.c.value; } later; uint8_t x; }; };
`

describe.for(["generated", "closures"] as const)("a timestamp among the fields (%s)", (code) => {
  it("moves the clock once, also when the record is printed", () => {
    const plan = new TracePlan(Result.getOrThrow(parse(Buffer.from(mapped))), undefined, code)
    const stream = new DataStream("stream", plan)
    const records = [100, 104, 120].flatMap((time, x) => [time, 0, 0, 0, time + 2, x])
    assert.isTrue(stream.open(inMemory(Uint8Array.from(records))))
    const [out, text] = [new Bytes(), new Text({ ...defaults, isSeconds: true })]
    while (stream.next() === event) text.event(stream, out)
    assert.deepStrictEqual(Buffer.from(out.written).toString().split("\n"), [
      "[0.000000100] (+?.?????????) e: { x = 0 }",
      "[0.000000104] (+0.000000004) e: { x = 1 }",
      "[0.000000120] (+0.000000016) e: { x = 2 }",
      ""
    ])
  })
})

describe("records that do not say their class", () => {
  const next = (...ids: ReadonlyArray<string>) => {
    const fields = '{"type":"structure","member-classes":[{"name":"x","field-class":"byte"}]}'
    const byte = '{"type":"fixed-length-unsigned-integer","length":8,"byte-order":"big-endian"}'
    const fragments = [
      '{"type":"preamble","version":2}',
      '{"type":"data-stream-class"}',
      `{"type":"field-class-alias","name":"byte","field-class":${byte}}`,
      ...ids.map((id) => `{"type":"event-record-class","id":${id},"payload-field-class":${fields}}`)
    ]
    const parsed = parse(Buffer.from(fragments.map((fragment) => `\u001e${fragment}`).join("")))
    const stream = new DataStream("stream", new TracePlan(Result.getOrThrow(parsed)))
    assert.isTrue(stream.open(inMemory(Uint8Array.of(1))))
    stream.next()
    return stream.failure?.message ?? String(stream.current?.eventClass.id)
  }

  it("are of the only one, whatever its id, or of that with id 0", () => {
    assert.strictEqual(next("7"), "7")
    assert.strictEqual(next("18446744073709551615"), "18446744073709551615")
    assert.strictEqual(next("7", "0"), "0")
    assert.strictEqual(next("7", "8"), "no event class 0 is declared for stream class 0")
  })
})
