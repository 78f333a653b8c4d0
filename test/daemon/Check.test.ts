/** `--check` says all that would be wrong with a start, and leaves everything as it was. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Ports from "../support/ports.ts"
import * as Daemons from "./daemons.ts"

const occupied = Effect.gen(function* () {
  const port = yield* Ports.free
  const server = createServer()
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(port, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => server.close())
  )
  return port
})

const treeOf = (directory: string) => readdirSync(directory, { recursive: true }).toSorted()

describe("lttng-relayd --check", () => {
  it.live("of options that would do ends with 0 and makes nothing, not even the output", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const args = ["--check", ...at.urls, "-o", join(at.home, "not", "yet"), "--pid-file", join(at.home, "pid")]
      const before = treeOf(at.home)
      const { code, stderr, stdout } = yield* Daemons.attempt("ours", at, args)
      assert.deepStrictEqual([code, stderr.replace(/^Warning: .*\n/gm, "")], [0, ""])
      assert.include(stdout, "Nothing keeps the relay from starting")
      assert.deepStrictEqual(treeOf(at.home), before)
      assert.isFalse(Daemons.listening(at))
    })
  )

  it.live("names everything that is wrong, whatever kind it is of", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const taken = yield* occupied
      writeFileSync(join(at.home, "file"), "in the way")
      writeFileSync(join(at.home, "token"), "\n")
      writeFileSync(join(at.home, "more.ini"), "[relayd]\nmemory-limit = much\nverbosity = 2\n")
      mkdirSync(join(at.home, ".lttng"))
      writeFileSync(join(at.home, ".lttng", "lttng.conf"), "[relayd]\nlive-cache = -1\n")
      const [, control = "", , data = ""] = at.urls
      const args = [
        ...["--check", "--no-such-option", "-C", control, "-D", data, "-L", `tcp://127.0.0.1:${taken}`],
        ...["-o", join(at.home, "file", "traces"), "--config", "more.ini", "--stop-timeout=soon"],
        ...["--http-port", `tcp://127.0.0.1:${at.ports[0]}`, "--http-token-file", "token", "-w", "/nowhere"],
        ...["--pid-file", "/nowhere/pid", "--log-file", "/nowhere/log"]
      ]
      const { code, stderr } = yield* Daemons.attempt("ours", at, args)
      assert.strictEqual(code, 1)
      const expected = [
        "unrecognized option '--no-such-option'",
        "Wrong value in --live-cache parameter: -1",
        "Wrong value in --memory-limit parameter: much",
        'Warning: Unrecognized option "verbosity"',
        "Wrong value in --stop-timeout parameter: soon",
        "The working directory /nowhere is not there",
        "The PID file /nowhere/pid cannot be written",
        "The log file /nowhere/log cannot be written",
        `The output ${join(at.home, "file", "traces")} cannot be written`,
        `The HTTP token file ${join(at.home, "token")} is empty`,
        `The live port 127.0.0.1:${taken} is not to be had`,
        `The http port 127.0.0.1:${at.ports[0]} is not to be had`
      ]
      assert.deepStrictEqual(
        expected.filter((part) => !stderr.includes(part)),
        [],
        stderr
      )
      assert.strictEqual(stderr.match(/^Error: /gm)?.length, expected.length - 2, stderr)
    })
  )

  it.live("names that do not resolve are among it", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const args = ["--check", "-C", "tcp://no.such.host.invalid:5342", "-D", "tcp://also.not.invalid:5343"]
      const { code, stderr } = yield* Daemons.attempt("ours", at, args)
      assert.strictEqual(code, 1)
      for (const host of ["no.such.host.invalid", "also.not.invalid"]) assert.include(stderr, host)
    })
  )
})
