/** What a trace is made of, at a glance: for people, at a terminal. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, it } from "@effect/vitest"
import * as Text from "../../src/ctf/print/Text.ts"
import * as Printing from "../../src/ctf/recorded/Printing.ts"
import * as Recording from "../../src/ctf/recorded/Recording.ts"

const metadata = `/* CTF 1.8 */ trace { major = 1; minor = 8; byte_order = le; };
clock { name = c; freq = 1; offset_s = 1792972790; };
stream { event.header := struct { integer { size = 64; map = clock.c.value; } t; }; };
event { name = "e\x1b[2J\\nx"; fields := struct { integer { size = 32; } x; }; };`

const directories: Array<string> = []
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true })
})

/** Of event records at these seconds after 2026-10-25 23:59:50. */
const printed = (format: "count" | "histogram", ...seconds: ReadonlyArray<number>): ReadonlyArray<string> => {
  const directory = mkdtempSync(join(tmpdir(), "counts-"))
  directories.push(directory)
  writeFileSync(join(directory, "metadata"), metadata)
  writeFileSync(join(directory, "s"), new Uint32Array(seconds.flatMap((second) => [second, 0, 0])))
  let text = ""
  Printing.print(Recording.open([directory]), {
    format,
    text: { ...Text.defaults, isGmt: true },
    filter: undefined,
    write: (bytes) => {
      text += Buffer.from(bytes).toString()
    },
    warn: assert.fail
  })
  return text.split("\n")
}

it("a name acts on no terminal", () => {
  assert.deepStrictEqual(printed("count", 0, 1), ["2 e\\x1b[2J\\x0ax", "2 in all", ""])
})

it("times of one day are without their date, of several with it", () => {
  const labels = (...seconds: ReadonlyArray<number>) =>
    printed("histogram", ...seconds).map((line) => line.replace(/ █+$/, ""))
  assert.deepStrictEqual(labels(8, 9, 9), ["events per second", "23:59:58 1", "23:59:59 2", ""])
  assert.deepStrictEqual(labels(9, 8, 9), labels(8, 9, 9))
  assert.deepStrictEqual(labels(9, 10), ["events per second", "2026-10-25 23:59:59 1", "2026-10-26 00:00:00 1", ""])
})
