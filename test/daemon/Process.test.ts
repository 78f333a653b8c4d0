/**
 * The daemon as a process: three modes of starting, what exists while it runs, how it ends, and what a failed start
 * looks like. Real processes; ours alone, and beside the reference where both can be asked the same.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { describeWithPeers, reference } from "../support/peers.ts"
import * as Process from "../support/process.ts"
import { temporaryDirectory } from "../support/relays.ts"
import * as Daemons from "./daemons.ts"

const files = (at: Daemons.Place) => {
  const directory = join(at.runDirectory, "relayd")
  return existsSync(directory) ? readdirSync(directory).sort() : []
}

const portFiles = (at: Daemons.Place) =>
  ["control", "data", "live"].map((name) => readFileSync(join(at.runDirectory, "relayd", `${name}.port`), "utf8"))

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)

/** Sends bytes to a Unix socket and answers what came back before the close. */
const ask = (path: string, bytes: Uint8Array) =>
  Effect.callback<string>((resume) => {
    const answer: Array<Buffer> = []
    const socket = connect(path)
    socket.on("connect", () => bytes.length > 0 && socket.write(bytes))
    socket.on("data", (data) => answer.push(data))
    socket.on("error", () => undefined)
    socket.on("close", () => resume(Effect.succeed(Buffer.concat(answer).toString("hex"))))
  })

/** Lines both daemons may add wherever they run: no group on this machine, the reference's count of its own leaks. */
const withoutNoise = (text: string) =>
  text
    .split("\n")
    .filter((line) => !/No tracing group detected|file descriptor leak/.test(line))
    .join("\n")

const healthy = "0000000000000000"
const check = new Uint8Array(4)

const runForeground = Effect.fnUntraced(function* (args: ReadonlyArray<string> = [], options: Daemons.Options = {}) {
  const at = yield* Daemons.place
  const running = yield* Daemons.start("ours", at, [...at.urls, ...args], options)
  yield* Daemons.untilListening(at, running)
  yield* Process.until(
    "the port files",
    Effect.sync(() => files(at).includes("live.port"))
  )
  return {
    at,
    running,
    health: options.env?.LTTNG_RELAYD_HEALTH ?? join(at.runDirectory, "relayd", `health-${running.pid}`)
  }
})

const end = Effect.fnUntraced(function* (running: Process.Running, signal: NodeJS.Signals = "SIGTERM") {
  running.signal(signal)
  return yield* running.ended
})

describe("in the foreground", () => {
  it.live("the process that was started is the daemon, and names itself", () =>
    Effect.gen(function* () {
      const { at, running } = yield* runForeground()
      assert.deepStrictEqual(Daemons.processesOf(at), [running.pid])
      assert.strictEqual(readFileSync(`/proc/${running.pid}/comm`, "utf8"), "lttng-relayd\n")
      assert.strictEqual(readlinkSync(`/proc/${running.pid}/fd/0`), "/dev/null")
      assert.strictEqual(readlinkSync(`/proc/${running.pid}/cwd`), at.home)
    })
  )
  it.live("the run directory holds the health socket and the three ports, and nothing once it stopped", () =>
    Effect.gen(function* () {
      const { at, running, health } = yield* runForeground()
      assert.deepStrictEqual(files(at), ["control.port", "data.port", `health-${running.pid}`, "live.port"])
      assert.deepStrictEqual(
        portFiles(at),
        at.ports.map((port) => `${port}\n`)
      )
      assert.isTrue(statSync(health).isSocket())
      const ended = yield* end(running)
      assert.deepStrictEqual([ended.code, ended.stdout, files(at)], [0, "", []])
      assert.strictEqual(withoutNoise(ended.stderr), "")
    })
  )
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it.live(`${signal} ends it with status 0`, () =>
      Effect.gen(function* () {
        const { running } = yield* runForeground()
        assert.strictEqual((yield* end(running, signal)).code, 0)
      })
    )
  }
  it.live("SIGHUP ends it as if it had no handler", () =>
    Effect.gen(function* () {
      const { running } = yield* runForeground()
      assert.strictEqual((yield* end(running, "SIGHUP")).signal, "SIGHUP")
    })
  )
  it.live("SIGUSR1 does nothing: no inspector, no end", () =>
    Effect.gen(function* () {
      const { running, health } = yield* runForeground()
      running.signal("SIGUSR1")
      assert.strictEqual(yield* ask(health, check), healthy)
      const ended = yield* end(running)
      assert.strictEqual(ended.code, 0)
      assert.notInclude(ended.stderr, "Debugger")
    })
  )
  it.live("the pid file is there when the parent is signalled, and gone at the end", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const script = `trap 'cat "$PID_FILE"; kill $!' USR1; "$@" & while kill -0 $! 2>/dev/null; do wait $!; done; echo ended`
      const args = [...at.urls, "--sig-parent", "--pid-file", "relay.pid"]
      const [sh = "sh", ...words] = Daemons.command("ours", args)
      const pidFile = join(at.home, "relay.pid")
      const { stdout } = yield* Process.run("sh", ["-c", script, "sh", sh, ...words], {
        cwd: at.home,
        env: { HOME: at.home, LTTNG_RUNDIR: at.runDirectory, PID_FILE: pidFile }
      })
      assert.match(stdout, /^[0-9]+\nended\n$/)
      assert.isFalse(existsSync(pidFile))
    })
  )
  it.live("-o makes the directory with its parents; the default output waits for a session", () =>
    Effect.gen(function* () {
      const { at } = yield* runForeground()
      assert.isFalse(existsSync(join(at.home, "lttng-traces")))
      const output = join(at.home, "a", "b")
      yield* Effect.scoped(runForeground(["-o", output]))
      assert.strictEqual(mode(output), "750")
    })
  )
  it.live("dynamic ports are in the port files", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      yield* Daemons.start("ours", at, [
        "-C",
        "tcp://127.0.0.1:0",
        "-D",
        "tcp://127.0.0.1:0",
        "--dynamic-port-allocation"
      ])
      yield* Process.until(
        "the port files",
        Effect.sync(() => files(at).includes("live.port"))
      )
      const ports = portFiles(at).map(Number)
      assert.strictEqual(new Set(ports).size, 3)
      assert.isTrue(ports.every((port) => port > 0 && ![5342, 5343, 5344].includes(port)))
    })
  )
  it.live("stale port files do not survive a start that fails, those of a living daemon do", () =>
    Effect.gen(function* () {
      const { at } = yield* runForeground()
      const before = portFiles(at)
      assert.strictEqual((yield* Daemons.attempt("ours", at, at.urls)).code, 1)
      assert.deepStrictEqual(portFiles(at), before)
      const other = yield* Daemons.place
      const directory = join(other.runDirectory, "relayd")
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, "live.port"), "5344\n")
      assert.strictEqual((yield* Daemons.attempt("ours", other, at.urls)).code, 1)
      assert.deepStrictEqual(files(other), [])
    })
  )
})

describe("as a daemon", () => {
  for (const flag of ["-d", "-b"] as const) {
    it.live(`${flag} returns when everything is ready`, () =>
      Effect.gen(function* () {
        const at = yield* Daemons.place
        yield* Daemons.killed(at)
        const output = join(at.home, "output")
        const pidFile = join(at.home, "pid")
        const args = [...at.urls, flag, "-P", pidFile, "-v"]
        const launched = yield* Daemons.attempt("ours", at, args, { outputFile: output })
        assert.strictEqual(launched.code, 0)
        assert.isTrue(Daemons.listening(at))
        const pid = Number(readFileSync(pidFile, "utf8"))
        assert.deepStrictEqual(Daemons.processesOf(at), [pid])
        assert.deepStrictEqual(files(at), ["control.port", "data.port", `health-${pid}`, "live.port"])
        assert.strictEqual(readlinkSync(`/proc/${pid}/cwd`), "/")
        const [, , , , group, session] = readFileSync(`/proc/${pid}/stat`, "utf8").split(" ").map(Number)
        assert.deepStrictEqual([group, session], [pid, pid], "leader of its own session")
        const expected = flag === "-d" ? "/dev/null" : output
        assert.strictEqual(readlinkSync(`/proc/${pid}/fd/2`), expected)
        assert.strictEqual(readFileSync(output, "utf8").includes("Initialization complete"), flag === "-b")
        process.kill(pid, "SIGTERM")
        yield* Process.until(
          "the daemon to end",
          Effect.sync(() => !Daemons.isAlive(pid))
        )
        assert.deepStrictEqual([files(at), existsSync(pidFile)], [[], false])
      })
    )
  }
  it.live("-w is its working directory", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      yield* Daemons.killed(at)
      yield* Daemons.attempt("ours", at, [...at.urls, "-d", "--working-dir", at.home, "-P", "pid"])
      const pid = Number(readFileSync(join(at.home, "pid"), "utf8"))
      assert.strictEqual(readlinkSync(`/proc/${pid}/cwd`), at.home)
    })
  )
})

describe("a stop that takes too long", () => {
  const startStuck = Effect.fnUntraced(function* (stopTimeoutMillis: number) {
    const at = yield* Daemons.place
    const fixture = fileURLToPath(new URL("./stuckDaemon.ts", import.meta.url))
    const env = { RUN_DIRECTORY: at.runDirectory, STOP_TIMEOUT_MILLIS: String(stopTimeoutMillis) }
    const running = yield* Process.daemon(process.execPath, [fixture], { cwd: at.home, env })
    yield* Process.until(
      "the port files",
      Effect.sync(() => files(at).includes("live.port"))
    )
    return { at, running }
  })
  it.live("ends with status 1 at the stop timeout, says so, and leaves no files", () =>
    Effect.gen(function* () {
      const { at, running } = yield* startStuck(50)
      const ended = yield* end(running)
      assert.deepStrictEqual([ended.code, files(at)], [1, []])
      assert.include(ended.stderr, "Error: The orderly stop took longer than 50 ms")
    })
  )
  it.live("ends at once at a second signal", () =>
    Effect.gen(function* () {
      const { at, running } = yield* startStuck(1_000_000)
      running.signal("SIGTERM")
      yield* Process.until(
        "the stop to begin",
        Effect.sync(() => running.output().includes("stuck"))
      )
      const ended = yield* end(running, "SIGINT")
      assert.deepStrictEqual([ended.code, files(at)], [1, []])
    })
  )
})

describe("under a service manager", () => {
  /** Stands in for the manager's tool: notes what it was told. */
  const fakeTool = Effect.fnUntraced(function* () {
    const directory = yield* temporaryDirectory("notify")
    const told = join(directory, "told")
    writeFileSync(join(directory, "systemd-notify"), `#!/bin/sh\necho "$@" >>'${told}'\n`, { mode: 0o755 })
    const env = { PATH: `${directory}:${process.env.PATH ?? ""}`, NOTIFY_SOCKET: "/run/none" }
    return { env, told: () => (existsSync(told) ? readFileSync(told, "utf8").trim().split("\n") : []) }
  })
  it.live("it tells when it is ready and when it stops, once each", () =>
    Effect.gen(function* () {
      const tool = yield* fakeTool()
      const { running } = yield* runForeground([], { env: tool.env })
      yield* Process.until(
        "READY=1",
        Effect.sync(() => tool.told().includes("READY=1"))
      )
      assert.strictEqual((yield* end(running)).code, 0)
      yield* Process.until(
        "STOPPING=1",
        Effect.sync(() => tool.told().includes("STOPPING=1"))
      )
      assert.deepStrictEqual(tool.told(), ["READY=1", "STOPPING=1"])
    })
  )
  it.live("it feeds the watchdog that is meant for it", () =>
    Effect.gen(function* () {
      const tool = yield* fakeTool()
      yield* runForeground([], { env: { ...tool.env, WATCHDOG_USEC: "20000" } })
      yield* Process.until(
        "the watchdog",
        Effect.sync(() => tool.told().filter((state) => state === "WATCHDOG=1").length > 2)
      )
    })
  )
  it.live("a socket that cannot be one is an error line, and it runs", () =>
    Effect.gen(function* () {
      const { running } = yield* runForeground([], { env: { NOTIFY_SOCKET: "relative" } })
      yield* Process.until(
        "the error line",
        Effect.sync(() => running.output().includes("Invalid NOTIFY_SOCKET"))
      )
      assert.strictEqual((yield* end(running)).code, 0)
    })
  )
})

describe("a start that fails", () => {
  interface Failure {
    readonly name: string
    readonly args: (at: Daemons.Place, taken: Daemons.Place) => ReadonlyArray<string>
    readonly env?: (at: Daemons.Place) => Readonly<Record<string, string>>
    readonly says: RegExp
  }
  const failures: ReadonlyArray<Failure> = [
    { name: "a port in use", args: (_, taken) => taken.urls, says: /bind|EADDRINUSE/i },
    {
      name: "a missing working directory",
      args: () => ["-w", "/nowhere"],
      says: /Failed to change working directory to "\/nowhere"/
    },
    {
      name: "a pid file nowhere",
      args: () => ["-P", "/nowhere/pid"],
      says: /Failed to create PID file at path '\/nowhere\/pid'/
    },
    {
      name: "a run directory without parent",
      args: () => [],
      env: (at) => ({ LTTNG_RUNDIR: `${at.home}/no/run` }),
      says: /run directory/
    },
    {
      name: "a file in the health socket's place",
      args: () => [],
      env: (at) => ({ LTTNG_RELAYD_HEALTH: `${at.home}/file` }),
      says: /no socket is in its place/
    },
    {
      name: "a health path that is too long",
      args: () => [],
      env: (at) => ({ LTTNG_RELAYD_HEALTH: `${at.home}/${"x".repeat(100)}` }),
      says: /longer than 107/
    }
  ]
  for (const { name, args, env, says } of failures) {
    it.live(`${name} is one line and status 1, with and without -d`, () =>
      Effect.gen(function* () {
        const { at: taken } = yield* runForeground()
        const at = yield* Daemons.place
        writeFileSync(join(at.home, "file"), "kept")
        for (const flags of [[], ["-d"]]) {
          const words = [...at.urls, ...flags, ...args(at, taken)]
          const failed = yield* Daemons.attempt("ours", at, words, env === undefined ? {} : { env: env(at) })
          const lines = failed.stderr.split("\n").filter((line) => line !== "" && !line.includes("tracing group"))
          assert.deepStrictEqual([failed.code, lines.length], [1, 1], failed.stderr)
          assert.match(lines[0] ?? "", says)
          assert.deepStrictEqual(files(at), [])
        }
        assert.strictEqual(readFileSync(join(at.home, "file"), "utf8"), "kept")
      })
    )
  }
})

describe("the health socket", () => {
  it.live("answers a check in one piece, in two, and to a client that closed its half", () =>
    Effect.gen(function* () {
      const { health } = yield* runForeground()
      assert.strictEqual(yield* ask(health, check), healthy)
      assert.strictEqual(yield* ask(health, new Uint8Array(9)), healthy, "surplus bytes")
    })
  )
  it.live("closes on another command and on a silent client, and disturbs nobody", () =>
    Effect.gen(function* () {
      const { running, health } = yield* runForeground()
      const silent = yield* Effect.forkChild(ask(health, new Uint8Array(0)), { startImmediately: true })
      assert.strictEqual(yield* ask(health, new Uint8Array([7, 0, 0, 0])), "")
      assert.strictEqual(yield* ask(health, check), healthy)
      assert.strictEqual((yield* end(running)).code, 0)
      yield* Effect.yieldNow
      silent.interruptUnsafe()
    })
  )
  it.live("is where LTTNG_RELAYD_HEALTH says, replacing an old socket", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory("health")
      const env = { LTTNG_RELAYD_HEALTH: join(directory, "socket") }
      const first = yield* runForeground([], { env })
      const killed = yield* end(first.running, "SIGKILL")
      assert.strictEqual(killed.signal, "SIGKILL")
      assert.isTrue(existsSync(env.LTTNG_RELAYD_HEALTH), "left behind")
      const { health } = yield* runForeground([], { env })
      assert.strictEqual(yield* ask(health, check), healthy)
    })
  )
  it.live("a component told to fail ends the daemon after it was ready", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const env = { LTTNG_TESTPOINT_ENABLE: "1", LTTNG_RELAYD_THREAD_LIVE_LISTENER_TP_FAIL: "1" }
      const failed = yield* Daemons.attempt("ours", at, at.urls, { env })
      assert.strictEqual(failed.code, 1)
      assert.include(failed.stderr, "Health error occurred in relay_thread_live_listener")
      assert.deepStrictEqual(files(at), [])
    })
  )
})

describeWithPeers(reference, "the same start", () => {
  for (const kind of ["reference", "ours"] as const) {
    it.live(`${kind}: -d listens when it returns, and its health is good`, () =>
      Effect.gen(function* () {
        const at = yield* Daemons.place
        yield* Daemons.killed(at)
        const health = join(at.home, "health")
        const launched = yield* Daemons.attempt(kind, at, [...at.urls, "-d"], { env: { LTTNG_RELAYD_HEALTH: health } })
        assert.deepStrictEqual([launched.code, launched.stdout], [0, ""])
        assert.isTrue(Daemons.listening(at))
        assert.strictEqual(Daemons.processesOf(at).length, 1)
        assert.strictEqual(yield* ask(health, check), healthy)
        assert.strictEqual(mode(health), "660")
        for (const pid of Daemons.processesOf(at)) process.kill(pid, "SIGTERM")
        yield* Process.until(
          "the daemon to end",
          Effect.sync(() => Daemons.processesOf(at).length === 0)
        )
        assert.isFalse(existsSync(health))
      })
    )
    it.live(`${kind}: -d answers 1 when a port is in use`, () =>
      Effect.gen(function* () {
        const { at: taken } = yield* runForeground()
        const at = yield* Daemons.place
        const launched = yield* Daemons.attempt(kind, at, [...taken.urls, "-d"])
        assert.strictEqual(launched.code, 1)
      })
    )
    it.live(`${kind}: connecting and leaving is silent on every port`, () =>
      Effect.gen(function* () {
        const at = yield* Daemons.place
        const running = yield* Daemons.start(kind, at, at.urls)
        yield* Daemons.untilListening(at, running)
        for (const port of at.ports) {
          yield* Effect.callback<void>((resume) => {
            const socket = connect(port, "127.0.0.1", () => socket.destroy())
            socket.on("close", () => resume(Effect.void))
          })
        }
        const ended = yield* end(running)
        assert.deepStrictEqual([ended.code, withoutNoise(ended.stderr)], [0, ""])
      })
    )
  }
})
