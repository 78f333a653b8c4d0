/**
 * Corners of both formats (`corners.ts`), read by us, and by babeltrace2 where it is of a version
 * that gave the answers.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { defaults } from "../../src/ctf/print/Text.ts"
import * as Printing from "../../src/ctf/recorded/Printing.ts"
import * as Recording from "../../src/ctf/recorded/Recording.ts"
import { describeWithPeers } from "../support/peers.ts"
import { type Corner, corners } from "./corners.ts"

const root = mkdtempSync(join(tmpdir(), "corners-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const written = (corner: Corner): string => {
  const directory = join(root, String(corners.indexOf(corner)))
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, "metadata"), corner.metadata)
  for (const [name, hex] of Object.entries(corner.files ?? { s: "01020304" })) {
    writeFileSync(join(directory, name), Buffer.from(hex.replace(/\s/g, ""), "hex"))
  }
  return directory
}

const all = corners.map((corner) => ({ what: corner.what, corner }))

describe.for(["generated", "closures"] as const)("a corner of the formats (%s)", (code) => {
  it.for(all)("$what", ({ corner }) => {
    const open = () => Recording.open([written(corner)], { ...Recording.defaults, code })
    if (corner.lines === undefined) {
      assert.throws(open, "metadata")
      return
    }
    const parts: Array<Buffer> = []
    const { failureCount } = Printing.print(open(), {
      format: "text",
      text: { ...defaults, isGmt: true },
      filter: undefined,
      interval: Recording.always,
      write: (bytes) => parts.push(Buffer.from(bytes)),
      warn: () => {}
    })
    assert.deepStrictEqual(Buffer.concat(parts).toString("latin1").split("\n"), [...corner.lines, ""])
    assert.strictEqual(failureCount > 0, corner.fails === true)
  })
})

const version = spawnSync("babeltrace2", ["--version"], { encoding: "utf8" }).stdout ?? ""
const isNew = /^Babeltrace 2\.[1-9]/m.test(version)

describeWithPeers(["babeltrace2"], "a corner of the formats, read by babeltrace2", () => {
  it.for(all)("$what", { skip: !isNew }, ({ corner }) => {
    const { status, stdout } = spawnSync("babeltrace2", ["--clock-gmt", written(corner)], { encoding: "latin1" })
    assert.deepStrictEqual(stdout.split("\n"), [...(corner.lines ?? []), ""])
    assert.strictEqual(status !== 0, corner.lines === undefined || corner.fails === true)
  })
})
