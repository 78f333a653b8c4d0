/**
 * Elements without any bits: no length of a packet bounds them, only their number in one packet does. The same wherever
 * they stand, whether a length in the packet or the metadata tells how many they are, and in both ways of decoding.
 */
import { assert, describe, it } from "@effect/vitest"
import * as ByHand from "./byHand.ts"

const place = ByHand.place()
const u8 = "integer { size = 8; }"
const million = "40420f00"

const written = (fields: string, data: string, before = ""): string => {
  const head = "/* CTF 1.8 */ trace { major = 1; minor = 8; byte_order = le; };"
  const metadata = `${head}\n${before}\nevent { name = "e"; fields := struct { ${fields} }; };`
  return place({ files: { s: data }, metadata })
}

const doubled = Array.from(
  { length: 40 },
  (_, at) => `typealias struct { ${at === 0 ? "struct { } a" : `t${at - 1} a; t${at - 1} b`}; } := t${at};`
).join("\n")

const siblings = Array.from({ length: 300 }, (_, at) => `struct { } a${at}[1000000];`).join(" ")

const refused = [
  { what: "arrays of arrays", fields: `${u8} x; struct { } a[1000000][1000000];`, data: "01" },
  { what: "an array beside an array", fields: `${u8} x; ${siblings}`, data: "01" },
  {
    what: "arrays in the structures of an array",
    fields: `${u8} x; struct { struct { } b[1000]; struct { } c[1000]; } a[1000][1000];`,
    data: "01"
  },
  {
    what: "arrays in the structures of a sequence",
    fields: "integer { size = 32; } n; struct { struct { } b[1000000]; } a[n];",
    data: million
  },
  {
    what: "arrays in elements that have bits",
    fields: `${u8} n; struct { ${u8} x; struct { } b[1000000]; } a[n];`,
    data: "03 01 02 03"
  },
  { what: "structures in structures, twice in each", fields: `${u8} x; t39 a;`, data: "01", before: doubled }
]

describe.for(["generated", "closures"] as const)("elements without bits (%s)", (code) => {
  it.for(refused)("too many are not visited: $what", ({ before, data, fields }) => {
    const { failureCount, lines } = ByHand.shown(written(fields, data, before), code)
    assert.deepStrictEqual([failureCount, lines], [1, [""]])
  })

  it("those of all event records of a packet count together", () => {
    const { failureCount, lines } = ByHand.shown(written(`${u8} x; struct { } a[300000];`, "01 02 03 04 05"), code)
    assert.deepStrictEqual([failureCount, lines.length], [1, 3 + 1])
  })

  it("some are nothing special", () => {
    const { failureCount, lines } = ByHand.shown(written(`${u8} x; struct { } a[2][2];`, "01"), code)
    const inner = "[ [0] = { }, [1] = { } ]"
    assert.deepStrictEqual([failureCount, lines], [0, [`e: { x = 1, a = [ [0] = ${inner}, [1] = ${inner} ] }`, ""]])
  })

  it("of elements with bits there may be more: the packet bounds them", () => {
    const count = 2 ** 20 + 1
    const length = Buffer.alloc(4)
    length.writeUInt32LE(count)
    const text = "integer { size = 8; encoding = UTF8; } a[n];"
    const directory = written(`integer { size = 32; } n; ${text}`, `${length.toString("hex")}${"41".repeat(count)}`)
    const { failureCount, lines } = ByHand.shown(directory, code)
    assert.deepStrictEqual([failureCount, lines.length], [0, 1 + 1])
    assert.isTrue(lines[0] === `e: { n = ${count}, a = "${"A".repeat(count)}" }`)
  })
})
