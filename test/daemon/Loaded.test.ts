/** What is not asked for is not loaded: the modules of a daemon that serves, from the sources and as it is shipped. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SyntheticTrace, Target } from "../../src/index.ts"
import { daemonProgram } from "../support/bundle.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Daemons from "./daemons.ts"

const sources = fileURLToPath(new URL("../../src/bin/lttng-relayd.ts", import.meta.url))
const uuid = "01234567-89ab-cdef-0123-456789abcdef"

/** Writes down every module that is resolved, whoever asks. */
const hook = (list: string) => `import { appendFileSync } from "node:fs"
import { registerHooks } from "node:module"
registerHooks({
  resolve(what, context, next) {
    const found = next(what, context)
    appendFileSync(${JSON.stringify(list)}, found.url + "\\n")
    return found
  }
})
`

/** Modules of a daemon that has recorded a session. */
const loaded = (program: string, args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const at = yield* Daemons.place
    const [script, list] = [join(at.home, "hook.mjs"), join(at.home, "list")]
    writeFileSync(script, hook(list))
    const words = [program, ...at.urls, "-o", join(at.home, "out"), ...args]
    const daemon = yield* Process.daemon(process.execPath, words, {
      cwd: at.home,
      env: { HOME: at.home, LTTNG_HOME: at.home, LTTNG_RUNDIR: at.runDirectory, NODE_OPTIONS: `--import=${script}` }
    })
    yield* Daemons.untilReady(at, daemon)
    const target = yield* Target.make({ url: `net://127.0.0.1:${at.ports[0]}:${at.ports[1]}`, hostname: "h" })
    const session = yield* target.session({ name: "s", liveTimer: "1 second" })
    const stream = yield* session.stream({ path: "ust", channel: "ch_0" })
    yield* stream.packet(SyntheticTrace.generator(uuid, 0, 4096, 0n).next(1000n))
    yield* session.close()
    daemon.signal("SIGHUP")
    daemon.signal("SIGTERM")
    yield* daemon.ended
    return [...new Set(readFileSync(list, "utf8").trim().split("\n"))]
  })

/** What only the operator's port and telemetry need. (Effect's schemas know a few of HTTP's texts.) */
const around = [
  /\/src\/(admin|telemetry)\//,
  /^node:https?$/,
  /\/effect\/dist\/(http\/Http|http-api|observability)/,
  /platform-node|undici/
]
/** Of the runtime: megabytes, for what most relays never do, or not before somebody connects. */
const isHeavy = (url: string) => /^node:(crypto|tls|zlib|worker_threads|dns)\b/.test(url)
const isAround = (url: string) => around.some((pattern) => pattern.test(url))

const ofShipped = (modules: ReadonlyArray<string>): string =>
  modules
    .filter((url) => url.startsWith("file:") && existsSync(fileURLToPath(url)))
    .map((url) => readFileSync(fileURLToPath(url), "utf8"))
    .join("\n")

describe("a daemon without an operator's port", () => {
  it.live("loads nothing of it, nor of HTTP, nor telemetry; one with it does", () =>
    Effect.gen(function* () {
      const without = yield* loaded(sources, [])
      assert.isAbove(without.length, 100)
      assert.include(without.join("\n"), "/src/daemon/RelayProcess.ts")
      assert.deepStrictEqual(without.filter(isAround), [])
      const withPort = yield* loaded(sources, [`--http-port=tcp://127.0.0.1:${yield* Ports.free}`])
      for (const part of ["/src/admin/AdminServer.ts", "/src/telemetry/Telemetry.ts", "node:http"]) {
        assert.include(withPort.join("\n"), part)
      }
    })
  )

  it.live("as it is shipped has none of its code in memory", () =>
    Effect.gen(function* () {
      const modules = yield* loaded(daemonProgram, [])
      assert.include(modules, "node:net")
      assert.deepStrictEqual(modules.filter(isHeavy), [])
      const without = ofShipped(modules)
      const withPort = ofShipped(yield* loaded(daemonProgram, [`--http-port=tcp://127.0.0.1:${yield* Ports.free}`]))
      for (const mark of ["node:http", "/livez", "lttng_relay_received_bytes_total", "received_bytes_total"]) {
        assert.notInclude(without, mark)
      }
      for (const mark of ["node:http", "/livez", "received_bytes_total"]) assert.include(withPort, mark)
      assert.isBelow(without.length, withPort.length * 0.8)
    })
  )
})
