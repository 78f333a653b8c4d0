/**
 * What is recorded, rotated or cleared while it is read is no damage: what was there is shown, with a warning of what
 * was not. What has not changed, and nobody writes, is.
 */
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Text from "../../src/ctf/print/Text.ts"
import * as Printing from "../../src/ctf/recorded/Printing.ts"
import * as Recording from "../../src/ctf/recorded/Recording.ts"
import * as ByHand from "./byHand.ts"

const place = ByHand.place()

/** A packet says how many bits it has; event 2 is declared by `more`. */
const metadata = `/* CTF 1.8 */ typealias integer { size = 8; } := u8;
trace { major = 1; minor = 8; byte_order = le; };
stream { packet.context := struct { u8 packet_size; }; event.header := struct { u8 id; }; };
event { name = "one"; id = 1; fields := struct { u8 x; }; };
`
const more = `event { name = "two"; id = 2; fields := struct { u8 x; }; };\n`
/** Two packets with an event each. */
const whole = { s: "18 01 07  18 01 08" }

interface Meanwhile {
  /** What happens after the files were listed. */
  readonly happens?: (directory: string) => void
  readonly isWritten?: boolean
}

/** The events that are shown, what is said, and how many failures there are. */
const read = (directory: string, { happens = () => {}, isWritten = false }: Meanwhile, format: "text" | "ndjson") => {
  const parts: Array<Buffer> = []
  const said: Array<string> = []
  const recording = Recording.open([directory], { ...Recording.defaults, isPartial: true })
  happens(directory)
  const { eventCount, failureCount } = Printing.print(recording, {
    format,
    text: Text.defaults,
    filter: undefined,
    write: (bytes) => parts.push(Buffer.from(bytes)),
    warn: (line) => said.push(line.replaceAll(`${directory}/`, "")),
    isWritten: () => isWritten
  })
  const lines = Buffer.concat(parts).toString().trim().split("\n")
  return { eventCount, failureCount, said, lineCount: lines.length }
}

const ofTrace = (files: ByHand.Trace["files"], meanwhile: Meanwhile, format: "text" | "ndjson" = "text") =>
  read(place({ metadata, files }), meanwhile, format)

const changed = "(it is being recorded, or has changed meanwhile)"

describe("what cannot be read", () => {
  const cut = { s: `${whole.s} 18 01` }
  const size = "packet-size: a packet of 3 bytes where 2 bytes are left; s, packet 2 (byte 6 of the file), bit 8"
  const early = { s: `${whole.s} 18 02 09` }
  const unknown =
    "unknown-event-class: no event class 2 is declared for stream class 0; s, packet 2 (byte 6 of the file), bit 8"

  it.each<readonly [string, ByHand.Trace["files"], string, Meanwhile]>([
    ["a packet of which the rest was written", cut, size, { happens: (at) => appendFileSync(join(at, "s"), "\x09") }],
    ["a packet of which the rest may be written", cut, size, { isWritten: true }],
    ["a class that was declared", early, unknown, { happens: (at) => appendFileSync(join(at, "metadata"), more) }],
    ["a class that may be declared", early, unknown, { isWritten: true }]
  ])("%s is no damage, otherwise it is", (_, files, line, meanwhile) => {
    assert.deepStrictEqual(ofTrace(files, meanwhile), {
      eventCount: 2,
      failureCount: 0,
      said: [`WARNING: ${line} ${changed}`],
      lineCount: 2
    })
    assert.strictEqual(ofTrace(files, meanwhile, "ndjson").lineCount, 2)
    assert.deepStrictEqual(ofTrace(files, {}), {
      eventCount: 2,
      failureCount: 1,
      said: [`ERROR: ${line}`],
      lineCount: 2
    })
    assert.strictEqual(ofTrace(files, {}, "ndjson").lineCount, 3)
  })

  it("what was cleared is told, and the rest is shown", () => {
    const said =
      "gone: the file was removed, or overwritten, before all of it was read; t, packet 0 (byte 0 of the file)"
    assert.deepStrictEqual(ofTrace({ ...whole, t: "18 01 09" }, { happens: (at) => rmSync(join(at, "t")) }), {
      eventCount: 2,
      failureCount: 0,
      said: [`WARNING: ${said}, bit 0`],
      lineCount: 2
    })
  })

  it("metadata that had not come, beside a trace that can be read", () => {
    const late = () => {
      const directory = place({ metadata, files: whole })
      mkdirSync(join(directory, "late"))
      rmSync(join(directory, "metadata"))
      for (const name of ["early", "late"]) {
        mkdirSync(join(directory, name), { recursive: true })
        writeFileSync(join(directory, name, "metadata"), name === "late" ? "" : metadata)
        writeFileSync(join(directory, name, "s"), Buffer.from("180107", "hex"))
      }
      return directory
    }
    const line = "nothing tells what its data are, or not yet: `metadata` is empty"
    const happens = (at: string) => writeFileSync(join(at, "late", "metadata"), metadata)
    for (const meanwhile of [{ happens }, { isWritten: true }]) {
      const { failureCount, said } = read(late(), meanwhile, "text")
      assert.deepStrictEqual([failureCount, ...said], [0, `WARNING: late: ${line} ${changed}`])
    }
    const { failureCount, said } = read(late(), {}, "text")
    assert.deepStrictEqual([failureCount, ...said], [1, `ERROR: late: ${line}`])
  })
})
