/**
 * The daemon as a process: three modes of starting, what exists while it runs, how it ends, and what a failed start
 * looks like. Real processes; ours alone, and beside the reference where both can be asked the same.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Process from "../support/process.ts"
import { temporaryDirectory } from "../support/relays.ts"
import * as Daemons from "./daemons.ts"

describe("in the foreground", () => {
  it.live("the process that was started is the daemon, and names itself", () =>
    Effect.gen(function* () {
      const { at, running } = yield* Daemons.runForeground()
      assert.deepStrictEqual(Daemons.processesOf(at), [running.pid])
      assert.strictEqual(readFileSync(`/proc/${running.pid}/comm`, "utf8"), "lttng-relayd\n")
      assert.strictEqual(readlinkSync(`/proc/${running.pid}/fd/0`), "/dev/null")
      assert.strictEqual(readlinkSync(`/proc/${running.pid}/cwd`), at.home)
    })
  )
  it.live("the run directory holds the health socket and the three ports, and nothing once it stopped", () =>
    Effect.gen(function* () {
      const { at, running, health } = yield* Daemons.runForeground()
      assert.deepStrictEqual(Daemons.files(at), ["control.port", "data.port", `health-${running.pid}`, "live.port"])
      assert.deepStrictEqual(
        Daemons.portFiles(at),
        at.ports.map((port) => `${port}\n`)
      )
      assert.isTrue(statSync(health).isSocket())
      const ended = yield* Daemons.end(running)
      assert.deepStrictEqual([ended.code, ended.stdout, Daemons.files(at)], [0, "", []])
      assert.strictEqual(Daemons.withoutNoise(ended.stderr), "")
    })
  )
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it.live(`${signal} ends it with status 0`, () =>
      Effect.gen(function* () {
        const { running } = yield* Daemons.runForeground()
        assert.strictEqual((yield* Daemons.end(running, signal)).code, 0)
      })
    )
  }
  it.live("SIGUSR1 does nothing: no inspector, no end", () =>
    Effect.gen(function* () {
      const { running, health } = yield* Daemons.runForeground()
      running.signal("SIGUSR1")
      assert.strictEqual(yield* Daemons.ask(health, Daemons.check), Daemons.healthy)
      const ended = yield* Daemons.end(running)
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
      const { at } = yield* Daemons.runForeground()
      assert.isFalse(existsSync(join(at.home, "lttng-traces")))
      const output = join(at.home, "a", "b")
      yield* Effect.scoped(Daemons.runForeground(["-o", output]))
      assert.strictEqual(Daemons.mode(output), "750")
    })
  )
  it.live("an output whose path is too long is refused before the first directory of it is made", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const failed = yield* Daemons.attempt("ours", at, ["-o", `${at.home}${`/${"x".repeat(200)}`.repeat(25)}`])
      assert.deepStrictEqual([failed.code, readdirSync(at.home)], [1, []])
      assert.match(failed.stderr, /^Error: Unable to create .*: File name too long \[code=START_OUTPUT\]$/m)
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
      yield* Process.until("the port files", () => Daemons.files(at).includes("live.port"))
      const ports = Daemons.portFiles(at).map(Number)
      assert.strictEqual(new Set(ports).size, 3)
      assert.isTrue(ports.every((port) => port > 0 && ![5342, 5343, 5344].includes(port)))
    })
  )
  it.live("stale port files do not survive a start that fails, those of a living daemon do", () =>
    Effect.gen(function* () {
      const { at } = yield* Daemons.runForeground()
      const before = Daemons.portFiles(at)
      assert.strictEqual((yield* Daemons.attempt("ours", at, at.urls)).code, 1)
      assert.deepStrictEqual(Daemons.portFiles(at), before)
      const other = yield* Daemons.place
      const directory = join(other.runDirectory, "relayd")
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, "live.port"), "5344\n")
      assert.strictEqual((yield* Daemons.attempt("ours", other, at.urls)).code, 1)
      assert.deepStrictEqual(Daemons.files(other), [])
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
        assert.deepStrictEqual(Daemons.files(at), ["control.port", "data.port", `health-${pid}`, "live.port"])
        assert.strictEqual(readlinkSync(`/proc/${pid}/cwd`), "/")
        const [, , , , group, session] = readFileSync(`/proc/${pid}/stat`, "utf8").split(" ").map(Number)
        assert.deepStrictEqual([group, session], [pid, pid], "leader of its own session")
        const expected = flag === "-d" ? "/dev/null" : output
        assert.strictEqual(readlinkSync(`/proc/${pid}/fd/2`), expected)
        assert.strictEqual(readFileSync(output, "utf8").includes("Initialization complete"), flag === "-b")
        process.kill(pid, "SIGTERM")
        yield* Process.until("the daemon to end", () => !Daemons.isAlive(pid))
        assert.deepStrictEqual([Daemons.files(at), existsSync(pidFile)], [[], false])
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
    yield* Process.until("the port files", () => Daemons.files(at).includes("live.port"))
    return { at, running }
  })
  it.live("ends with status 1 at the stop timeout, says so, and leaves no files", () =>
    Effect.gen(function* () {
      const { at, running } = yield* startStuck(50)
      const ended = yield* Daemons.end(running)
      assert.deepStrictEqual([ended.code, Daemons.files(at)], [1, []])
      assert.include(ended.stderr, "Error: The orderly stop took longer than 50 ms")
    })
  )
  it.live("ends at once at a second signal", () =>
    Effect.gen(function* () {
      const { at, running } = yield* startStuck(1_000_000)
      running.signal("SIGTERM")
      yield* Process.said(running, "stuck")
      const ended = yield* Daemons.end(running, "SIGINT")
      assert.deepStrictEqual([ended.code, Daemons.files(at)], [1, []])
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
      const { running } = yield* Daemons.runForeground([], { env: tool.env })
      yield* Process.until("READY=1", () => tool.told().includes("READY=1"))
      assert.strictEqual((yield* Daemons.end(running)).code, 0)
      yield* Process.until("STOPPING=1", () => tool.told().includes("STOPPING=1"))
      assert.deepStrictEqual(tool.told(), ["READY=1", "STOPPING=1"])
    })
  )
  it.live("it feeds the watchdog that is meant for it", () =>
    Effect.gen(function* () {
      const tool = yield* fakeTool()
      yield* Daemons.runForeground([], { env: { ...tool.env, WATCHDOG_USEC: "20000" } })
      yield* Process.until("the watchdog", () => tool.told().filter((state) => state === "WATCHDOG=1").length > 2)
    })
  )
  it.live("a socket that cannot be one is a warning at the start and at the end, and it runs", () =>
    Effect.gen(function* () {
      const { running } = yield* Daemons.runForeground([], { env: { NOTIFY_SOCKET: "relative" } })
      yield* Process.said(running, "invalid NOTIFY_SOCKET")
      const { code, stderr, stdout } = yield* Daemons.end(running)
      assert.deepStrictEqual(
        [code, stdout, stderr.match(/^Warning: .*NOTIFY_SOCKET.*code=NOTIFY_FAILED/gm)?.length],
        [0, "", 2]
      )
    })
  )
  it.live("a variable that is empty names no socket", () =>
    Effect.gen(function* () {
      const { running } = yield* Daemons.runForeground([], { env: { NOTIFY_SOCKET: "" } })
      const { code, stderr } = yield* Daemons.end(running)
      assert.deepStrictEqual([code, Daemons.withoutNoise(stderr)], [0, ""])
    })
  )
})
