/** SIGHUP before the relay runs: the options that were read may be old, so they are read again once it does. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Process from "../support/process.ts"
import * as Daemons from "./daemons.ts"

const sources = fileURLToPath(new URL("../../src/bin/lttng-relayd.ts", import.meta.url))

/** The signal comes when the process, which is the launcher or the daemon, is about to load that module. */
const hook = (module: string, isLauncher: boolean) => `import { registerHooks } from "node:module"
const isLauncher = process.env.LTTNG_RELAYD_HANDOVER === undefined
let isOver = isLauncher !== ${isLauncher}
registerHooks({
  resolve(what, context, next) {
    if (!isOver && what.endsWith("${module}")) {
      isOver = true
      process.kill(process.pid, "SIGHUP")
    }
    return next(what, context)
  }
})
`

describe("SIGHUP during a start", () => {
  for (const [when, module, isLauncher] of [
    ["before the options are read", "/Launch.ts", true],
    ["before the daemon is loaded", "/daemon/Main.ts", false],
    ["while the relay is loaded", "/RelayProcess.ts", false]
  ] as const) {
    it.live(`${when} is heard once the relay runs`, () =>
      Effect.gen(function* () {
        const at = yield* Daemons.place
        const script = join(at.home, "hook.mjs")
        writeFileSync(script, hook(module, isLauncher))
        const words = [sources, ...at.urls, "-v", "-o", join(at.home, "out")]
        const daemon = yield* Process.daemon(process.execPath, words, {
          cwd: at.home,
          env: { HOME: at.home, LTTNG_HOME: at.home, LTTNG_RUNDIR: at.runDirectory, NODE_OPTIONS: `--import=${script}` }
        })
        yield* Process.said(daemon, "configuration read again; changed: nothing")
        const { code, stderr } = yield* Daemons.end(daemon)
        assert.deepStrictEqual([code, stderr.match(/configuration read again/g)?.length], [0, 1])
      })
    )
  }
})
