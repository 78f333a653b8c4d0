/** A time of day is one of the recording's first day, also where no packet tells when it begins. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, it } from "@effect/vitest"
import * as Moment from "../../src/ctf/recorded/Moment.ts"
import * as Recording from "../../src/ctf/recorded/Recording.ts"

const metadata = `/* CTF 1.8 */ trace { major = 1; minor = 8; byte_order = le; };
clock { name = c; freq = 1; offset_s = 1792972790; };
stream { event.header := struct { integer { size = 32; map = clock.c.value; } t; }; };
event { name = "e"; };`

const directory = mkdtempSync(join(tmpdir(), "first-day-"))
afterAll(() => rmSync(directory, { recursive: true }))

it("which is that of the first event record", () => {
  writeFileSync(join(directory, "metadata"), metadata)
  // From 2026-10-25 23:59:50 on.
  writeFileSync(join(directory, "s"), new Uint32Array([0, 5, 9, 10, 86_400]))
  const count = (begin: string, end: string) => {
    const recording = Recording.open([directory], {
      ...Recording.defaults,
      interval: (first) => ({ begin: Moment.parse(begin, true, first), end: Moment.parse(end, true, first) })
    })
    let wanted = 0
    for (let reader = recording.next(); reader !== undefined; reader = recording.next()) {
      if (reader.item === "event" && reader.isWanted) wanted++
    }
    recording.close()
    return wanted
  }
  assert.strictEqual(count("23:59:55", "23:59:59"), 2)
  assert.strictEqual(count("00:00", "23:59:59.999999999"), 3)
  assert.strictEqual(count("23:59:55", "2026-10-26 00:00"), 3)
})
