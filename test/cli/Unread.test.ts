/** Check and repair whose output nobody reads: the status is what it would be, and all is done. */
import { mkdirSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Trees from "../recovery/trees.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const recorded = Trees.recorded("live1")
const name = [...recorded.keys()].find((path) => path.endsWith("/c_0")) as string

/** A recording whose last packet is torn, and a FIFO, which no copy has. */
const damaged = Effect.gen(function* () {
  const home = yield* Relays.temporaryDirectory("unread")
  const from = join(home, "from")
  mkdirSync(from)
  Trees.write(recorded, from)
  truncateSync(join(from, name), 5000)
  yield* Process.run("mkfifo", [join(from, "fifo"), join(home, "go")])
  return { home, from, to: join(home, "to") }
})

/** The command's status. It begins when nobody can read its output any more. */
const unread = (home: string, ...args: ReadonlyArray<string>) => {
  const script = '{ read _ <go; "$@"; echo $? >status; } | { exec <&-; echo >go; }; cat status'
  const all = ["-c", script, "sh", process.execPath, toolboxProgram, ...args]
  return Effect.map(Process.run("sh", all, { cwd: home }), ({ stdout }) => stdout)
}

it.live.each(["check", "check --json", "repair", "repair --json"])("%s of a damaged recording: status 1", (command) =>
  Effect.gen(function* () {
    const { from, home } = yield* damaged
    assert.strictEqual(yield* unread(home, ...command.split(" "), from), "1\n")
  })
)

it.live.each(["repair", "repair --json"])("%s: a copy is not only made", (command) =>
  Effect.gen(function* () {
    const { from, home, to } = yield* damaged
    assert.strictEqual(yield* unread(home, ...command.split(" "), from, `--to=${to}`), "0\n")
    const { stdout } = yield* Process.run(process.execPath, [toolboxProgram, "check", to])
    assert.include(stdout, "no damage")
  })
)

it.live("a copy that was not finished is named, and stays", () =>
  Effect.gen(function* () {
    const { from, to } = yield* damaged
    mkdirSync(join(to, ".copying"), { recursive: true })
    const { code, stderr } = yield* Process.attempt(process.execPath, [toolboxProgram, "repair", from, `--to=${to}`])
    assert.deepStrictEqual(
      [code, stderr],
      [
        1,
        `Error: ${to} is not empty: .copying in it is a copy that was not finished, or is being made; if none is, remove ${to}\n`
      ]
    )
  })
)
