/** An output of another user: not for sessions that its relay has. One that cannot be written is told of at a start. */
import { chmodSync, chownSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { daemonProgram } from "../support/bundle.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import { temporaryDirectory } from "../support/relays.ts"
import * as Toolbox from "../support/toolbox.ts"
import * as Daemons from "./daemons.ts"

Peers.describeWithPeers(["setpriv"], "an output of another user", () => {
  const user = 14_300 + (process.pid % 1000)
  const asUser = (at: Daemons.Place, words: ReadonlyArray<string>) => {
    const identity = ["--reuid", `${user}`, "--regid", `${user}`, "--clear-groups"]
    const bare = ["-i", "PATH=/usr/bin:/bin", `HOME=${at.home}`, "setpriv", ...identity]
    return Process.daemon("env", [...bare, process.execPath, daemonProgram, ...at.urls, ...words], { cwd: "/" })
  }
  it.live("with sessions of edges is not for root's relay either", () =>
    Effect.gen(function* () {
      const [at, other] = [yield* Daemons.place, yield* Daemons.place]
      const output = yield* temporaryDirectory("neighbours")
      const journals = join(output, ".journals")
      mkdirSync(journals)
      for (const path of [output, journals]) chownSync(path, user, user)
      chmodSync(output, 0o755)
      const running = yield* asUser(at, ["-v", "-o", output])
      yield* Process.said(running, "Initialization complete")
      const { code, stderr } = yield* Daemons.attempt("ours", other, [...other.urls, "-o", output])
      assert.strictEqual(code, 1, stderr)
      assert.include(
        stderr,
        `has sessions of edges, and is that of another relay, process ${running.pid} [code=START_OUTPUT]`
      )
    })
  )

  it.live("that cannot be written is told of at the start, which goes on, and recorded into once it can", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const output = yield* temporaryDirectory("unwritable")
      chmodSync(output, 0o755)
      const running = yield* asUser(at, ["-o", output])
      const said = yield* Process.said(running, "OUTPUT_UNWRITABLE")
      assert.include(said, `nothing can be made in the output directory: ${output}: Permission denied [code=`)
      yield* Daemons.untilListening(at, running)
      chownSync(output, user, user)
      const control = at.ports.slice(0, 2).join(":")
      const load = ["load", "--hostname=h", "--packets=1", `net://127.0.0.1:${control}`]
      yield* Toolbox.run(...load)
      assert.deepStrictEqual(readdirSync(output), ["h"])
    })
  )
})
