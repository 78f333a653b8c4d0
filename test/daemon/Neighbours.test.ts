/** Two relays of different users over one output: a relay does not go on with sessions that another one has. */
import { chmodSync, chownSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { daemonProgram } from "../support/bundle.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import { temporaryDirectory } from "../support/relays.ts"
import * as Daemons from "./daemons.ts"

Peers.describeWithPeers(["setpriv"], "an output with sessions of edges", () => {
  const user = 13_300 + (process.pid % 1000)
  const asUser = (at: Daemons.Place, words: ReadonlyArray<string>) => {
    const identity = ["--reuid", `${user}`, "--regid", `${user}`, "--clear-groups"]
    const bare = ["-i", "PATH=/usr/bin:/bin", `HOME=${at.home}`, "setpriv", ...identity]
    return Process.daemon("env", [...bare, process.execPath, daemonProgram, ...at.urls, ...words], { cwd: "/" })
  }
  it.live("of a user's relay is not for that of root either", () =>
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
})
