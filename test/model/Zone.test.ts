/** Local time by `TZ` as POSIX writes it, beside `date`, which asks the C library as every other program does. */
import { spawnSync } from "node:child_process"
import { afterEach, assert, describe, it } from "@effect/vitest"
import * as Time from "../../src/model/Time.ts"
import * as Zone from "../../src/model/Zone.ts"

const zones = [
  "CET-1CEST,M3.5.0,M10.5.0/3",
  "<+0330>-3:30",
  "EST5EDT,M3.2.0,M11.1.0",
  "AEST-10AEDT,M10.1.0,M4.1.0/3",
  "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
  "NPT-5:45",
  "ABC3DEF2:30,J60/1:15:30,J300",
  "ABC-3DEF,59,299/24",
  "IST-1GMT0,M10.5.0,M3.5.0/1",
  "<-1130>+11:30",
  "UTC0",
  // Names of zones are the runtime's to know.
  "Europe/Berlin",
  "UTC"
]

/** Every 67 hours of 2023 to 2025, with the hours around changes among them by and by; and some before 1970. */
const moments = [...Array.from({ length: 390 }, (_, at) => 1_672_531_200 + at * 241_337), -1, -86_400, -31_536_000]

describe("local time", () => {
  const before = process.env.TZ
  afterEach(() => {
    if (before === undefined) delete process.env.TZ
    else process.env.TZ = before
  })
  for (const zone of zones) {
    it(`is that of the C library with TZ=${zone}`, () => {
      const input = moments.map((seconds) => `@${seconds}\n`).join("")
      const { stdout } = spawnSync("date", ["-f", "-", "+%Y%m%dT%H%M%S%z %Y%m%d-%H%M%S"], {
        env: { ...process.env, TZ: zone },
        encoding: "utf8",
        input
      })
      process.env.TZ = zone
      const onTheWire = moments.map((seconds) => BigInt.asUintN(64, BigInt(seconds)))
      const ours = onTheWire.map((seconds) => `${Time.chunkTime(seconds)} ${Time.sessionTime(seconds)}\n`)
      assert.strictEqual(ours.join(""), stdout)
    })
  }
  it("changes at the very second", () => {
    const zone = Zone.parse("CET-1CEST,M3.5.0,M10.5.0/3")
    const at = (iso: string, difference: number) =>
      zone && Zone.offsetAt(zone, Date.parse(iso) / 1000 + difference) / 3600
    assert.deepStrictEqual(
      [at("2026-03-29T01:00:00Z", -1), at("2026-03-29T01:00:00Z", 0), at("2026-10-25T01:00:00Z", -1)],
      [1, 2, 2]
    )
    assert.strictEqual(at("2026-10-25T01:00:00Z", 0), 1)
  })
  for (const text of ["", "Europe/Berlin", "UTC", "A5", "CET-1CEST,M3.5.0", "CET-1CEST,X,Y", "CET", "Etc/GMT+3"]) {
    it(`${text === "" ? "nothing" : text} is not POSIX's notation`, () => assert.isUndefined(Zone.parse(text)))
  }
})
