/** A filter that would take for ever ends its command. */
import { spawn } from "node:child_process"
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import * as Bounded from "../../src/cli/Bounded.ts"
import { EventLines } from "../../src/cli/live/EventLines.ts"
import * as FollowEvents from "../../src/cli/live/FollowEvents.ts"
import * as Text from "../../src/ctf/print/Text.ts"

const endless = () => /^(a+)+$/u.test(`${"a".repeat(60)}b`)

it.effect("a regular expression that does not come to an end is ended", () =>
  Effect.gen(function* () {
    const where = ["msg =~ '^(a+)+$'"]
    const failed = yield* Effect.flip(Bounded.steps({ where }, 100)(endless))
    assert.match(failed.message, /^--where takes too long: it took more than 100 ms/)
    const bounded = Bounded.steps({ where })
    assert.strictEqual(yield* bounded(() => 7), 7)
    const thrown = () => {
      throw new Error("of the call")
    }
    assert.isTrue(Exit.hasDies(yield* Effect.exit(bounded(thrown))))
  })
)

it.effect("without one nothing is watched", () =>
  Effect.gen(function* () {
    const bounded = Bounded.steps({ where: ["x == 1"] }, 0)
    assert.strictEqual(yield* bounded(() => 7), 7)
  })
)

it.effect("what was shown before it is printed, in whole lines", () =>
  Effect.gen(function* () {
    const lines = new EventLines({ isJson: true, text: Text.defaults, filter: undefined })
    const steps = ["{}\n", "[]\n[", "]\n[1"]
    const drain = () => {
      lines.out.ascii(steps.shift() ?? "")
      return steps.length > 0 || endless()
    }
    const printed: Array<string> = []
    const write = (bytes: Uint8Array) => Effect.sync(() => void printed.push(Buffer.from(bytes).toString()))
    const bounded = Bounded.steps({ where: ["msg !~ 'x'"] }, 100)
    const failed = yield* Effect.flip(FollowEvents.drain({ drain, troubles: () => [] }, lines, bounded, write))
    assert.match(failed.message, /^--where takes too long/)
    assert.strictEqual(printed.join(""), "{}\n[]\n[]\n")
  })
)

const stopping = `
import { writeSync } from "node:fs"
import { Effect } from "effect"
import * as Bounded from ${JSON.stringify(new URL("../../src/cli/Bounded.ts", import.meta.url).href)}
setInterval(() => {}, 1000)
Effect.runSync(Bounded.steps({ where: ["x =~ 'y'"] })(() => {
  process.kill(process.pid, "SIGTSTP")
  writeSync(1, "over")
}))`

it.live("Ctrl-Z stops it when the step is over, whose time would go on", () =>
  Effect.gen(function* () {
    const directory = mkdtempSync(join(tmpdir(), "bounded-"))
    const file = join(directory, "output")
    const output = openSync(file, "w")
    const child = spawn(process.execPath, ["--input-type=module", "--eval", stopping], {
      stdio: ["ignore", output, "inherit"]
    })
    const isStopped = () => / T /.test(readFileSync(`/proc/${child.pid}/stat`, "latin1"))
    try {
      while (!isStopped()) yield* Effect.sleep("10 millis")
      assert.strictEqual(readFileSync(file, "latin1"), "over")
    } finally {
      child.kill("SIGKILL")
      closeSync(output)
      rmSync(directory, { recursive: true })
    }
  })
)
