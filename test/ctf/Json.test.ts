/** Lines of NDJSON of traces whose names a tracer would not choose. */
import { assert, describe, it } from "@effect/vitest"
import { defaults } from "../../src/ctf/print/Text.ts"
import * as Printing from "../../src/ctf/recorded/Printing.ts"
import * as ByHand from "./byHand.ts"

const written = ByHand.place()

const linesOf = (trace: ByHand.Trace): ReadonlyArray<unknown> => {
  const parts: Array<Uint8Array> = []
  Printing.print(ByHand.open(written(trace), "generated"), {
    format: "ndjson",
    text: defaults,
    filter: undefined,
    write: (bytes) => parts.push(Buffer.from(bytes)),
    warn: () => undefined
  })
  const lines = Buffer.concat(parts).toString().trimEnd().split("\n")
  return lines.map((line) => JSON.parse(line))
}

describe("NDJSON", () => {
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
