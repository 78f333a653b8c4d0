/**
 * A user of a container, in no database and without a home: the toolbox does without its cache. A working directory
 * that has been removed: what is relative to it is not there.
 */
import { chmodSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { toolboxProgram } from "../support/bundle.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import { temporaryDirectory } from "../support/relays.ts"

Peers.describeWithPeers(["setpriv"], "a user that is in no database", () => {
  for (const [where, variables] of [
    ["without a home", []],
    ["with an empty home", ["HOME="]],
    ["where home takes nothing", ["HOME=/"]]
  ] as const) {
    it.live(`has all commands of the toolbox ${where}`, () =>
      Effect.gen(function* () {
        const place = yield* temporaryDirectory("homeless")
        chmodSync(place, 0o755)
        const bare = ["-i", "PATH=/usr/bin:/bin", ...variables, "setpriv", "--reuid", "12345", "--regid", "12345"]
        const words = [...bare, "--clear-groups", process.execPath, toolboxProgram, "show", place]
        const { code, stderr } = yield* Process.attempt("env", words, { cwd: "/" })
        assert.strictEqual(code, 1)
        assert.match(stderr, /^Error: .*no trace here.*\n$/)
      })
    )
  }
})

describe("where the working directory has been removed", () => {
  for (const words of [
    "show a",
    "export a",
    "replay a net://127.0.0.1:1",
    "certs list a",
    "edge --spool=a --to=net://127.0.0.1:1"
  ]) {
    it.live(`what is relative to it is an error of one line that says so: ${words}`, () =>
      Effect.gen(function* () {
        const within = yield* temporaryDirectory("removed")
        const script = `mkdir gone; cd gone; rmdir ../gone; exec "$0" "$1" ${words}`
        const { code, stderr } = yield* Process.attempt("bash", ["-c", script, process.execPath, toolboxProgram], {
          cwd: within
        })
        assert.deepStrictEqual([code, stderr], [1, "Error: the working directory: No such file or directory\n"])
      })
    )
  }
})
