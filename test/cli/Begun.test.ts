/** A session that has just begun, its metadata half written, is no damage while somebody writes it. */
import { closeSync, openSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { toolboxProgram } from "../support/bundle.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

it.live("show and export of half written metadata: a warning while it is written, damage afterwards", () =>
  Effect.gen(function* () {
    const directory = yield* Relays.temporaryDirectory("begun")
    const path = join(directory, "metadata")
    writeFileSync(path, "/* CTF 1.8 */ trace { major = 1; mi")
    for (const command of ["show", "export"]) {
      const run = Process.attempt(process.execPath, [toolboxProgram, command, "--event=x", directory])
      const writer = openSync(path, "a")
      const early = yield* run
      closeSync(writer)
      assert.match(early.stderr, /^WARNING: .*\(it is being recorded, or has changed meanwhile\)\n$/)
      assert.strictEqual(early.code, 0)
      if (command === "export") assert.deepStrictEqual(JSON.parse(early.stdout).traceEvents, [])
      const late = yield* run
      assert.strictEqual(late.code, 1)
      assert.match(late.stderr, /^(?:Error|ERROR): /)
    }
  })
)
