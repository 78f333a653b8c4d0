/** An edge under limits with which it could not take tracers says so, and does not start. */
import { chmodSync } from "node:fs"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { toolboxProgram } from "../support/bundle.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import { temporaryDirectory } from "../support/relays.ts"

/** Of nobody else: the limit of threads is that of all its processes. */
const user = `${13_300 + (process.pid % 1000)}`

const limitedTo = Effect.fnUntraced(function* (limit: string, args: ReadonlyArray<string>) {
  const home = yield* temporaryDirectory("limits")
  chmodSync(home, 0o777)
  const listen = `--listen=127.0.0.1:${yield* Ports.free},${yield* Ports.free}`
  const edge = [toolboxProgram, "edge", "--to=net://127.0.0.1:1:2", listen, `--spool=${home}/spool`, ...args]
  const identity = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]
  const bare = ["-i", "PATH=/usr/bin:/bin", ...identity, "prlimit", limit, process.execPath, ...edge]
  return yield* Process.attempt("env", bare, { cwd: "/" })
})

Peers.describeWithPeers(["setpriv", "prlimit"], "an edge that may have too few", () => {
  for (const args of [[], ["--check"]]) {
    it.live(`descriptors says how many it needs: ${args}`, () =>
      Effect.gen(function* () {
        const { code, stderr } = yield* limitedTo("--nofile=99", args)
        assert.strictEqual(code, 1)
        assert.match(stderr, /^Error: the limit of open files \(ulimit -n\) is 99: .* 100 \[code=START_OPTION\]$/m)
      })
    )
    it.live(`threads says how many it needs: ${args}`, () =>
      Effect.gen(function* () {
        const { code, stderr } = yield* limitedTo("--nproc=9", args)
        assert.strictEqual(code, 1)
        assert.match(
          stderr,
          /^Error: the system lets the edge have \d more threads .* needs 6 \[code=START_PROCESS\]$/m
        )
      })
    )
  }
})
