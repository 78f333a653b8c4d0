/** A packet waits for the metadata that it needs, in whatever pieces that comes, and for nothing else. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import { Description } from "../../src/model/Description.ts"
import { offsets, replySize } from "../../src/protocol/live/GetNextIndex.ts"

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

const head = `/* CTF 1.8 */ env { domain = "ust"; tracer_name = "lttng-ust"; };`
const stream = "stream {\n\tid = 0;\n\tevent.header := struct event_header_compact;\n};\n"
const event = `event {\n\tname = "demo:tick";\n\tid = 0;\n\tstream_id = 0;\n};\n`

const record = (contentBytes: number, streamId = 0): Buffer => {
  const bytes = Buffer.alloc(replySize)
  bytes.writeBigUInt64BE(BigInt(contentBytes * 8), offsets.contentSize)
  bytes.writeBigUInt64BE(BigInt(streamId), offsets.streamId)
  return bytes
}
const empty = record(84)
const full = record(200)

const of = (...pieces: ReadonlyArray<string>) => {
  const description = new Description()
  for (const piece of pieces) description.read(Buffer.from(piece), 0, piece.length)
  return description
}
const suffices = (description: Description, packet: Buffer, nowMillis = 0) => description.suffices(packet, 0, nowMillis)

describe("what metadata tells of", () => {
  it("a packet waits for its stream class, one with events for an event class too", () => {
    assert.isFalse(suffices(of(head), empty))
    assert.isTrue(suffices(of(head, stream), empty))
    assert.isFalse(suffices(of(head, stream), full))
    assert.isTrue(suffices(of(head, stream, event), full))
    assert.isFalse(suffices(of(head, stream, event), record(84, 1)))
  })

  it("cut anywhere, it is the same", () => {
    const text = head + stream + event
    for (let at = 1; at < text.length; at++)
      assert.isTrue(suffices(of(text.slice(0, at), text.slice(at)), full), `${at}`)
  })

  it("nothing is awaited of other tracers, before the first piece, or for ever", () => {
    assert.isTrue(suffices(of("/* CTF 1.8 */ trace { };"), full))
    assert.isTrue(suffices(of(), full))
    const description = of(head)
    assert.isFalse(suffices(description, full, 5000))
    assert.isTrue(suffices(description, full, 10_000))
    description.read(Buffer.from(stream), 0, stream.length)
    assert.isFalse(suffices(description, full, 10_500))
  })

  it("of LTTng's, one without a stream class is hopeless when it is over, or has waited for long", () => {
    for (const text of [head, head + stream, "/* CTF 1.8 */ trace { };"]) {
      const description = of(text)
      const isHopeless = [
        description.isHopeless(false, 0),
        description.isHopeless(false, 5000),
        description.isHopeless(true, 0)
      ]
      assert.deepStrictEqual(isHopeless, [false, text === head, text === head])
    }
  })

  it("what was read is not kept in memory", () => {
    const bytes = Buffer.from(head.padEnd(256 * 1024))
    const read = () => {
      const description = new Description()
      description.read(bytes, 0, bytes.length)
      return description
    }
    collectGarbage()
    const before = process.memoryUsage().heapUsed
    const descriptions = Array.from({ length: 100 }, read)
    collectGarbage()
    assert.isBelow(process.memoryUsage().heapUsed - before, 8 * 1024 * 1024)
    assert.isTrue(descriptions.every((description) => !suffices(description, empty)))
  })

  it("a clock's frequency is one that time can be told by, whatever the tracer says", () => {
    const { cyclesPerMilli } = of(`clock { freq = 1000000000; }; clock { freq = ${"9".repeat(90)}; };`)
    assert.strictEqual(cyclesPerMilli, 1_000_000)
    assert.isUndefined(of(`clock { freq = ${"9".repeat(400)}`, ";").cyclesPerMilli)
  })

  it("metadata without any stream class is not for viewers, but not for ever", () => {
    const description = of(head)
    assert.isTrue(description.isOwing(0))
    assert.isFalse(description.isOwing(10_000))
    assert.isFalse(of(head, stream).isOwing(0))
    assert.isFalse(of("/* CTF 1.8 */ trace { };").isOwing(0))
  })

  it("metadata is owed as a whole to a viewer that was told of a packet before there was any", () => {
    const description = of()
    description.told(full, 0)
    assert.isFalse(description.isOwing(0))
    for (const [piece, isOwing] of [
      [head, true],
      [stream, true],
      [event, false]
    ] as const) {
      description.read(Buffer.from(piece), 0, piece.length)
      assert.strictEqual(description.isOwing(0), isOwing)
    }
  })

  it("clocks' frequencies, in both languages, cut anywhere: the fastest counts", () => {
    const tsdl = 'clock {\n\tname = "monotonic";\n\tfreq = 1000000000;\n\toffset = 1;\n};\n'
    const ctf2 = `\u001e{"type":"clock-class","name":"default","frequency":1000000000}`
    const both = [tsdl, ctf2]
    for (const text of both) {
      for (let at = 1; at < text.length; at++) {
        assert.strictEqual(of(text.slice(0, at), text.slice(at)).cyclesPerMilli, 1e6, `${at}`)
      }
    }
    assert.strictEqual(of(tsdl, "clock { freq = 2500; };", "clock { freq=3000000000; };").cyclesPerMilli, 3e6)
    assert.isUndefined(of(head, stream, event).cyclesPerMilli)
  })
})
