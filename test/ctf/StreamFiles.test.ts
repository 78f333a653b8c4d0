/**
 * A stream of several files, as of a ring or of rotations: in the order of their packets. What cannot be read in one is
 * told, and the next goes on.
 */
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { basename, dirname } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as ByHand from "./byHand.ts"

const place = ByHand.place()

const u8 = "integer { size = 8; }"
const time = "integer { size = 8; map = clock.c.value; }"

/** Header: instance. Context: sizes in bits, begin, end, sequence number, discarded events; then numbers. */
const metadata = `/* CTF 1.8 */
trace { major = 1; minor = 8; byte_order = le; packet.header := struct { ${u8} stream_instance_id; }; };
clock { name = c; freq = 10000000000; };
stream {
  packet.context := struct {
    ${u8} content_size; ${u8} packet_size; ${time} timestamp_begin; ${time} timestamp_end;
    ${u8} packet_seq_num; ${u8} events_discarded;
  };
};
event { name = "e"; fields := struct { ${u8} x; }; };`

const first = "01 40 40 0a 0b 00 00 01"
const cut = "01 50 50 0c 0d 01 00 02"
const third = "01 40 40 0e 0f 03 02 03"
const fourth = "01 40 40 10 11 05 02 04"

const numbers = (lines: ReadonlyArray<string>): ReadonlyArray<number> =>
  lines.slice(0, -1).map((line) => Number(line.replace(/.*x = (\d+) }$/, "$1")))

describe.for(["generated", "closures"] as const)("a stream of two files (%s)", (code) => {
  it("goes on with the second where the first cannot be read further", () => {
    const { failureCount, lines, warnings } = ByHand.shown(
      place({ metadata, files: { s_0: `${first} ${cut}`, s_1: `${third} ${fourth}` } }),
      code
    )
    assert.deepStrictEqual(numbers(lines), [1, 3, 4])
    assert.strictEqual(failureCount, 1)
    const [error = "", ...losses] = warnings
    assert.match(error, /^ERROR: packet-size: .*s_0, packet 1 \(byte 8 of the file\), bit 56$/)
    // What became of the packets between them, the tracer does not know.
    assert.deepStrictEqual(
      losses.map((line) => line.replace(/ between.*/, "")),
      ["WARNING: Tracer discarded 2 events", "WARNING: Tracer discarded 1 packet"]
    )
  })

  it("is in the order of cycles, of which there may be several in a nanosecond", () => {
    const files = { s_0: "01 40 40 0b 0b 02 00 02", s_1: "01 40 40 0a 0a 01 00 01" }
    const { lines } = ByHand.shown(place({ metadata, files }), code)
    assert.deepStrictEqual(numbers(lines), [1, 2])
  })

  it("is in the order of sequence numbers where packets begin together", () => {
    const files = { s_0: "01 40 40 0a 0a 02 00 02", s_1: `01 40 40 0a 0a 01 00 01 ${third}`, s_2: fourth }
    const { lines, warnings } = ByHand.shown(place({ metadata, files }), code)
    assert.deepStrictEqual(numbers(lines), [1, 2, 3, 4])
    assert.deepStrictEqual(
      warnings.map((line) => line.replace(/ between.*/, "")),
      ["WARNING: Tracer discarded 2 events", "WARNING: Tracer discarded 1 packet"]
    )
  })
})

it("a ring's files are opened when their turn comes", () => {
  const directory = place({ metadata, files: { s_0: first, s_1: third, s_2: fourth } })
  const recording = ByHand.open(directory, undefined)
  const opened: Array<string> = []
  const { openSync } = fs
  fs.openSync = (path, ...rest) => {
    opened.push(basename(String(path)))
    return openSync(path, ...rest)
  }
  syncBuiltinESMExports()
  try {
    for (let reader = recording.next(); reader !== undefined; reader = recording.next()) {
      if (reader.item === "event") opened.push(`event of ${basename(reader.path)}`)
    }
  } finally {
    Object.assign(fs, { openSync })
    syncBuiltinESMExports()
    recording.close()
  }
  assert.deepStrictEqual(opened, ["s_0", "event of s_0", "s_1", "event of s_1", "s_2", "event of s_2"])
})

describe("a trace of several chunks", () => {
  it.each([
    ["the later", ["", '\nevent { id = 1; name = "f"; fields := struct { integer { size = 8; } x; }; };']],
    ["the earlier", ['\nevent { id = 1; name = "f"; fields := struct { integer { size = 8; } x; }; };', ""]]
  ])("has the classes of the metadata that has the most, %s one's, not of the longest", (_, [one = "", other = ""]) => {
    const place = ByHand.place()
    const common = `/* CTF 1.8 */
trace { major = 1; minor = 8; byte_order = le; uuid = "2a6422d0-6cee-11e0-8c08-cb07d7b3a564"; };
stream { event.header := struct { ${u8} id; }; };
event { id = 0; name = "e"; fields := struct { ${u8} x; }; };`
    const padded = (text: string) => `${common}${text}${text === "" ? " ".repeat(4096) : ""}`
    place({ metadata: padded(one), files: { s: "00 01 01 02" } })
    const directory = dirname(place({ metadata: padded(other), files: { s: "01 03 00 04" } }))
    const { failureCount, lines } = ByHand.shown(directory, undefined)
    assert.deepStrictEqual([failureCount, numbers(lines).toSorted()], [0, [1, 2, 3, 4]])
  })
})
