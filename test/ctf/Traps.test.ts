/**
 * The traps of the specification (§14) in forms of our own (`traps.ts`). Two are no single record: applications that
 * come and go while they are watched (16) are in `test/interop/follow.test.ts`, speed (18) is what
 * `npm run bench -- decode` measures. Hostile sizes and depths (17) are in `Mutations.test.ts` and `Metadata.test.ts`,
 * too, packets that are in two snapshots (15) in the corpus' `snap`, metadata in any pieces (10) in
 * `MetadataCorpus.test.ts`.
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
import { type Trap, traps } from "./traps.ts"

const root = mkdtempSync(join(tmpdir(), "traps-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const written = (trap: Trap): string => {
  const directory = join(root, String(traps.indexOf(trap)))
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, "metadata"), trap.metadata)
  for (const [name, hex] of Object.entries(trap.files)) {
    writeFileSync(join(directory, name), Buffer.from(hex.replace(/\s/g, ""), "hex"))
  }
  return directory
}

const named = traps.map((trap) => ({ ...trap, trap }))

describe.for(["generated", "closures"] as const)("a trap of the specification (%s)", (code) => {
  it.for(named)("$number: $what", ({ trap }) => {
    const parts: Array<Buffer> = []
    Printing.print(Recording.open([written(trap)], { ...Recording.defaults, code }), {
      format: "text",
      text: { ...defaults, isGmt: true },
      filter: undefined,
      interval: Recording.always,
      write: (bytes) => parts.push(Buffer.from(bytes)),
      warn: () => {}
    })
    const text = Buffer.concat(parts).toString("latin1")
    assert.deepStrictEqual(text.split("\n"), [...trap.lines, ""])
  })
})

describeWithPeers(["babeltrace2"], "a trap of the specification, read by babeltrace2", () => {
  const common = named.filter(({ metadata, unlike }) => unlike === undefined && !metadata.startsWith("\u001e"))

  it.for(common)("$number: $what", ({ trap }) => {
    const { stdout } = spawnSync("babeltrace2", ["--clock-gmt", written(trap)], { encoding: "latin1" })
    assert.deepStrictEqual(stdout.split("\n"), [...trap.lines, ""])
  })
})
