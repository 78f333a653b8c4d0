/** Options that are read again while the relay runs: by signal and over the operator's port, under load. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { daemonDefaults } from "../../src/config/DaemonOptions.ts"
import { options } from "../../src/config/Options.ts"
import * as Reload from "../../src/daemon/Reload.ts"
import { LiveViewer, SyntheticTrace, Target } from "../../src/index.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Daemons from "./daemons.ts"

const path = "ust/uid/0/64-bit"
const uuid = "01234567-89ab-cdef-0123-456789abcdef"

/** A daemon with an operator's port, a token, a log file, and an INI file to change. */
const running = Effect.gen(function* () {
  const at = yield* Daemons.place
  const port = yield* Ports.free
  const [logFile, tokenFile, ini] = ["log", "token", ".lttng/lttng.conf"].map((name) => join(at.home, name))
  mkdirSync(join(at.home, ".lttng"))
  const write = (text: string) => writeFileSync(ini as string, `[relayd]\n${text}`)
  writeFileSync(tokenFile as string, "first\n")
  write("max-connections = 100\n")
  const output = join(at.home, "out")
  const args = [
    ...at.urls,
    "-o",
    output,
    `--http-port=tcp://127.0.0.1:${port}`,
    "--http-token-file=token",
    "--log-file=log"
  ]
  const daemon = yield* Daemons.start("ours", at, args)
  yield* Daemons.untilReady(at, daemon)
  const ask = (method: string, what: string, token = "first", body?: string) =>
    Effect.promise(async () => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
      const url = `http://127.0.0.1:${port}/api/v1/${what}`
      const answer = await fetch(url, { method, headers, ...(body !== undefined && { body }) })
      return { status: answer.status, json: JSON.parse((await answer.text()) || "null") }
    })
  yield* Process.until(
    "the operator's port",
    Effect.exit(Effect.tryPromise(() => fetch(`http://127.0.0.1:${port}/livez`))),
    ({ _tag }) => _tag === "Success"
  )
  const log = () => (existsSync(logFile as string) ? readFileSync(logFile as string, "utf8") : "")
  return { at, output, daemon, ask, log, logFile: logFile as string, tokenFile: tokenFile as string, write }
})

const limitOf = (json: { readonly relay: { readonly connectionCountMax: number } }) => json.relay.connectionCountMax

describe("a reload", () => {
  it("knows of every option whether it can change", () => {
    const known = [...Object.keys(Reload.changeable), ...Object.keys(Reload.fixed)]
    // What dynamic allocation changes are the ports.
    const others = /^(help|version|config|check|dynamic-port-allocation)$/
    const settings = options.map(({ name }) => name).filter((name) => !others.test(name))
    assert.sameMembers(known, settings)
  })

  it("says which options have changed, and which of them need a restart", () => {
    const { relay } = daemonDefaults
    const after = {
      ...daemonDefaults,
      verbosity: 2,
      relay: { ...relay, memoryBytesMax: 1, output: "/elsewhere", control: { ...relay.control, descriptor: 7 } }
    }
    assert.deepStrictEqual(Reload.differences(daemonDefaults, after), {
      changed: ["verbose", "memory-limit"],
      needRestart: ["output"]
    })
  })

  it.live("by SIGHUP, while packets arrive, changes limits and loses nothing", () =>
    Effect.gen(function* () {
      const { ask, at, daemon, output, write } = yield* running
      const target = yield* Target.make({ url: `net://127.0.0.1:${at.ports[0]}:${at.ports[1]}`, hostname: "h" })
      const session = yield* target.session({ name: "s" })
      const stream = yield* session.stream({ path, channel: "ch_0" })
      const generator = SyntheticTrace.generator(uuid, 0, 4096, 0n)
      let isOver = false
      let count = 0
      const sending = yield* Effect.forkScoped(
        Effect.gen(function* () {
          while (!isOver) {
            yield* stream.packet(generator.next(BigInt(++count) * 1000n))
            if (count % 16 === 0) yield* Effect.yieldNow
          }
        })
      )
      write("max-connections = 7\nmemory-limit = 2M\n")
      daemon.signal("SIGHUP")
      yield* Process.until("the limit to have changed", ask("GET", "configuration"), ({ json }) => limitOf(json) === 7)
      const { json: counters } = yield* ask("GET", "counters")
      assert.strictEqual(counters.memoryBytesMax, 2 * 1024 * 1024)
      isOver = true
      yield* Fiber.join(sending)
      yield* session.close()
      const found = yield* Process.run("find", [output, "-name", "ch_0", "-size", `${count * 4096}c`])
      assert.match(found.stdout, /ch_0\n$/)
      assert.isAbove(count, 0)
    })
  )

  it.live(
    "that needs a restart is refused by name, and changes nothing; the token file is read again by one that does not",
    () =>
      Effect.gen(function* () {
        const { ask, daemon, log, tokenFile, write } = yield* running
        write("max-connections = 7\nlive-cache = 1M\nfd-pool-size = 200\n")
        const refused = yield* ask("POST", "reload")
        assert.strictEqual(refused.status, 409)
        assert.deepStrictEqual(refused.json.reasons, [
          "fd-pool-size has changed, which needs a restart",
          "live-cache has changed, which needs a restart"
        ])
        assert.strictEqual(limitOf((yield* ask("GET", "configuration")).json), 100)
        assert.match(log(), /live-cache has changed.*CONFIGURATION_REFUSED/)
        write("max-connections = many\n")
        daemon.signal("SIGHUP")
        yield* Process.until("the log to tell of the wrong value", () =>
          log().includes("Wrong value in --max-connections parameter: many")
        )
        const { incidents } = (yield* ask("GET", "activity")).json
        assert.deepInclude(incidents, { code: "CONFIGURATION_REFUSED", count: 2 })
        write("max-connections = 100\nmax-connection = 7\n")
        writeFileSync(tokenFile, "second\n")
        assert.deepStrictEqual(yield* ask("POST", "reload"), { status: 200, json: { changed: [] } })
        assert.include(log(), 'Warning: Unrecognized option "max-connection" in daemon configuration file.')
        assert.strictEqual((yield* ask("POST", "reload")).status, 401)
        assert.strictEqual((yield* ask("POST", "reload", "second")).status, 200)
      })
  )

  it.live("that would have no log is refused in the words of a start", () =>
    Effect.gen(function* () {
      const { ask, logFile } = yield* running
      renameSync(logFile, `${logFile}.1`)
      mkdirSync(logFile)
      const reasons = [`The log file ${logFile} cannot be opened: Is a directory`]
      const { json, status } = yield* ask("POST", "reload")
      assert.deepStrictEqual({ status, reasons: json.reasons }, { status: 409, reasons })
      assert.include(readFileSync(`${logFile}.1`, "utf8"), `${reasons[0]}`)
    })
  )
})

describe("a log file that is moved away again and again", () => {
  it.live("under load has every line, in one file or the next", () =>
    Effect.gen(function* () {
      const { ask, at, daemon, logFile } = yield* running
      yield* ask("PUT", "log-level", "first", '{"verbosity":3}')
      const talk = Effect.scoped(
        Effect.flatMap(Target.make({ url: `net://127.0.0.1:${at.ports[0]}:${at.ports[1]}` }), (target) =>
          Effect.flatMap(target.session({ name: "s" }), (session) => session.close())
        )
      )
      const linesOf = (path: string) => readFileSync(path, "utf8").split("\n").slice(0, -1)
      const created = (lines: ReadonlyArray<string>) => lines.filter((line) => line.includes("CREATE_SESSION")).length
      yield* talk
      const each = created(linesOf(logFile))
      assert.isAbove(each, 0)
      let isOver = false
      const talking = yield* Effect.forkScoped(
        Effect.gen(function* () {
          let count = 1
          for (; !isOver; count++) yield* talk
          return count
        })
      )
      const moved = Array.from({ length: 20 }, (_, number) => `${logFile}.${number}`)
      for (const path of moved) {
        const before = created(linesOf(logFile))
        yield* Process.until("a line more", () => created(linesOf(logFile)) > before)
        renameSync(logFile, path)
        daemon.signal("SIGUSR2")
        yield* Process.until("the file to be there again", () => existsSync(logFile))
      }
      isOver = true
      const count = yield* Fiber.join(talking)
      const all = [...moved, logFile].flatMap(linesOf)
      assert.strictEqual(created(all), count * each)
      // Nothing is cut in two.
      assert.deepStrictEqual(
        all.filter((line) => !/^(DBG\d - |Warning: |Error: )/.test(line)),
        []
      )
    })
  )
})

describe("rules for viewers and clears", () => {
  it.live("change for what is asked from then on; who watches goes on", () =>
    Effect.gen(function* () {
      const { ask, at, write } = yield* running
      const target = yield* Target.make({ url: `net://127.0.0.1:${at.ports[0]}:${at.ports[1]}`, hostname: "h" })
      const session = yield* target.session({ name: "s", liveTimer: "1 second" })
      yield* session.stream({ path, channel: "ch_0" })
      yield* session.publish
      const attach = Effect.gen(function* () {
        const { viewer } = yield* LiveViewer.fromUrl(`net://127.0.0.1:${at.ports[2]}`)
        return yield* viewer.attachAll({ hostname: "h", sessionName: "s" })
      })
      yield* attach
      yield* attach
      write("single-viewer = yes\ndisallow-clear = yes\n")
      assert.deepStrictEqual((yield* ask("POST", "reload")).json, {
        changed: ["max-connections", "single-viewer", "disallow-clear"]
      })
      assert.include(String(yield* Effect.flip(attach)), "another viewer watches it")
      const [status] = (yield* ask("GET", "sessions")).json.items
      assert.strictEqual(status.viewerCount, 2)
      assert.strictEqual((yield* ask("GET", "configuration")).json.relay.allowClear, false)
      write("")
      yield* ask("POST", "reload")
      yield* attach
    })
  )
})

describe("the log of a running daemon", () => {
  it.live("says more or less when asked, and goes to a new file after SIGUSR2", () =>
    Effect.gen(function* () {
      const { ask, at, daemon, log, logFile } = yield* running
      const connect = Effect.scoped(Target.make({ url: `net://127.0.0.1:${at.ports[0]}:${at.ports[1]}` }))
      yield* connect
      assert.notInclude(log(), "DBG")
      assert.deepStrictEqual((yield* ask("PUT", "log-level", "first", '{"verbosity":3}')).json, { verbosity: 3 })
      const talk = Effect.scoped(
        Effect.flatMap(Target.make({ url: `net://127.0.0.1:${at.ports[0]}:${at.ports[1]}` }), (target) =>
          Effect.flatMap(target.session({ name: "s" }), (session) => session.close())
        )
      )
      yield* talk
      yield* Process.until("commands in the log", () => /DBG3.*CREATE_SESSION/.test(log()))
      renameSync(logFile, `${logFile}.1`)
      daemon.signal("SIGUSR2")
      yield* Process.until("the file to be there again", () => existsSync(logFile))
      yield* talk
      yield* Process.until("lines in the new file", () => log().includes("CREATE_SESSION"))
      const { json } = yield* ask("GET", "log")
      assert.include(json.lines.join("\n"), "CREATE_SESSION")
      assert.strictEqual((yield* ask("PUT", "log-level", "wrong", '{"verbosity":0}')).status, 401)
      yield* ask("PUT", "log-level", "first", '{"verbosity":0}')
      const before = log().length
      yield* talk
      assert.strictEqual(log().length, before)
    })
  )
})
