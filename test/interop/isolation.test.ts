/**
 * The suites beside a session daemon of the machine's own, as Debian starts one. Goal: they pass, and it never hears of
 * them. Method: a mount namespace is the machine, the daemon lives in it, and a suite is run there.
 */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const vitest = join(root, "node_modules/vitest/vitest.mjs")

/** Every entry below, with what a replacement or a write would change. */
const entries = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    const { ino, mtimeMs } = statSync(path)
    return [`${entry.name} ${ino} ${mtimeMs}`, ...(entry.isDirectory() ? entries(path) : [])]
  })

Peers.describeWithPeers(Peers.tracing, "a machine with a session daemon of its own", () => {
  it.live(
    "passes an interop suite, and its daemon is not touched",
    () =>
      Effect.gen(function* () {
        const machine = yield* Lttng.start
        yield* machine.lttng("create", "operators-own", "--output", join(machine.home, "trace"))
        const before = yield* machine.lttng("list")
        const run = `/proc/${machine.pid}/root/run`
        const filesBefore = entries(run)
        const reportPath = join(machine.home, "report.json")
        const suite = ["run", "test/interop/failure.test.ts", "--reporter=json", `--outputFile=${reportPath}`]
        const nested = yield* Process.attempt(
          "nsenter",
          ["-t", String(machine.pid), "-m", `--wdns=${root}`, "--", process.execPath, vitest, ...suite],
          { env: { LTTNG_PEERS: "required" }, timeoutSeconds: 400 }
        )
        assert.strictEqual(nested.code, 0, nested.stdout + nested.stderr)
        const report = JSON.parse(readFileSync(reportPath, "utf8"))
        assert.strictEqual(report.numFailedTests, 0)
        assert.isAbove(report.numPassedTests, 3)
        assert.deepStrictEqual(entries(run), filesBefore)
        assert.strictEqual((yield* machine.lttng("list")).stdout, before.stdout)
        yield* machine.lttng("destroy", "operators-own")
        // What was created is looked up, as is what is destroyed.
        const own = ["LTTNG_CREATE_SESSION_EXT", ...Array.from({ length: 4 }, () => "LTTNG_LIST_SESSIONS")]
        assert.deepStrictEqual(yield* machine.commandsBefore("LTTNG_STOP_TRACE"), own)
      }),
    480_000
  )
})
