/** A command that returns when it is ready, and goes on. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { toolboxProgram } from "../support/bundle.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

it.live("tunnel --background returns once it listens, with the process that goes on, or says why it does not", () =>
  Effect.gen(function* () {
    const port = yield* Ports.free
    const out = join(yield* Relays.temporaryDirectory("background"), "out")
    // It keeps the streams: whoever reads them to their end waits for both.
    const script = `"$0" "$1" tunnel --background --to=tls://localhost:1 --listen=127.0.0.1:${port},, >"$2" 2>&1`
    const args = ["-c", script, process.execPath, toolboxProgram, out]
    yield* Process.run("sh", args)
    const stdout = readFileSync(out, "utf8")
    assert.isTrue(Ports.listening(port))
    const pid = Number(/^process (\d+) goes on$/m.exec(stdout)?.[1])
    yield* Effect.addFinalizer(() => Effect.sync(() => process.kill(pid)))
    // The port is taken.
    const second = yield* Process.attempt("sh", args)
    assert.strictEqual(second.code, 1)
    assert.strictEqual(
      readFileSync(out, "utf8"),
      `Error: cannot listen on 127.0.0.1:${port} (control): Address already in use\n`
    )
    assert.isTrue(Ports.listening(port))
  })
)

Peers.describeWithPeers(["unshare", "timeout"], "in processes that end together", () => {
  it.live("--background=true is the same: what goes on starts no copy of itself", () =>
    Effect.gen(function* () {
      const to = ["--to=tls://localhost:1", `--listen=127.0.0.1:${yield* Ports.free},,`]
      const words = [process.execPath, toolboxProgram, "tunnel", "--background=true", ...to]
      const out = join(yield* Relays.temporaryDirectory("background"), "out")
      const script = `timeout 50 "$@" >"${out}" 2>&1`
      const own = ["--mount", "--mount-proc", "--pid", "--fork", "--kill-child"]
      yield* Process.run("unshare", [...own, "sh", "-c", `${script}; exit $?`, "sh", ...words])
      assert.match(readFileSync(out, "utf8"), /^process \d+ goes on$/m)
    })
  )
})
