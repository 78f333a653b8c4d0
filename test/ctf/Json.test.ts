/** Lines of NDJSON of traces whose names a tracer would not choose. */
import { assert, describe, it } from "@effect/vitest"
import { defaults } from "../../src/ctf/print/Text.ts"
import * as Printing from "../../src/ctf/recorded/Printing.ts"
import * as ByHand from "./byHand.ts"

const written = ByHand.place()

const blocksOf = (trace: ByHand.Trace, format: "ndjson" | "count-ndjson" = "ndjson"): ReadonlyArray<Buffer> => {
  const blocks: Array<Buffer> = []
  Printing.print(ByHand.open(written(trace), "generated"), {
    format,
    text: defaults,
    filter: undefined,
    write: (bytes) => blocks.push(Buffer.from(bytes)),
    warn: () => undefined
  })
  return blocks
}

const objectsOf = (blocks: ReadonlyArray<Buffer>): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  Buffer.concat(blocks)
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

const linesOf = (trace: ByHand.Trace) => objectsOf(blocksOf(trace))

describe("NDJSON", () => {
  it("has losses as they come, where there are no events and where these are counted, too", () => {
    const metadata = `/* CTF 1.8 */
typealias integer { size = 8; } := u8;
typealias integer { size = 32; align = 8; } := u32;
trace { major = 1; minor = 8; byte_order = be; };
stream { packet.context := struct { u8 content_size; u8 packet_size; u32 events_discarded; }; };
event { name = e; fields := struct { u8 x; }; };
`
    const packets = Array.from({ length: 2000 }, (_, at) => `30 30 ${(at + 1).toString(16).padStart(8, "0")}`)
    const trace = { metadata, files: { s: packets.join(" ") } }
    for (const format of ["ndjson", "count-ndjson"] as const) {
      const blocks = blocksOf(trace, format)
      assert.isAbove(blocks.length, 1)
      const objects = objectsOf(blocks)
      assert.deepStrictEqual(new Set(objects.map(({ type }) => type)), new Set(["discarded-events"]))
      // What was lost before the first packet is not known.
      assert.strictEqual(objects.length, packets.length - 1)
    }
  })

  it("has the first of two packet members that are shown as cpu_id as the processor, the other in the packet", () => {
    const metadata = `/* CTF 1.8 */
typealias integer { size = 8; } := u8;
trace { major = 1; minor = 8; byte_order = le; };
stream { packet.context := struct { u8 _before; u8 _cpu_id; u8 cpu_id; u8 after; }; };
event { name = e; fields := struct { u8 x; }; };
`
    assert.deepStrictEqual(linesOf({ metadata, files: { s: "01 02 03 04 05" } }), [
      {
        type: "event",
        channel: "s",
        stream: [0, 0],
        cpu: 2,
        packet: { before: 1, cpu_id: 3, after: 4 },
        name: "e",
        id: 0,
        fields: { x: 5 }
      }
    ])
  })

  it("has a process id below -2⁵³ as a text, as it has other integers", () => {
    const metadata = (vpid: bigint) => `/* CTF 1.8 */ env { vpid = ${vpid}; };
trace { major = 1; minor = 8; byte_order = le; };
event { name = e; fields := struct { integer { size = 8; } x; }; };
`
    const vpidOf = (vpid: bigint) => linesOf({ metadata: metadata(vpid), files: { s: "05" } })[0]
    assert.deepInclude(vpidOf(-(2n ** 53n) - 1n), { vpid: "-9007199254740993" })
    assert.deepInclude(vpidOf(-(2n ** 53n) + 1n), { vpid: -9007199254740991 })
  })
})
