/** Bare surroundings: no home, no run directory, a log that goes nowhere, another relay in the same place. */
import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs"
import { connect } from "node:net"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { daemonProgram } from "../support/bundle.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import { temporaryDirectory } from "../support/relays.ts"
import * as Toolbox from "../support/toolbox.ts"
import * as Daemons from "./daemons.ts"

const firstStage = join(dirname(daemonProgram), "lttng-relayd")

const nobody = ["--reuid", "12345", "--regid", "12345", "--clear-groups"]

const asNobody = (home: ReadonlyArray<string>, args: ReadonlyArray<string>) =>
  ["-i", "PATH=/usr/bin:/bin", ...home, "setpriv", ...nobody, process.execPath, daemonProgram, ...args] as const

Peers.describeWithPeers([...Peers.reference, "setpriv"], "a user that is in no database", () => {
  for (const home of [[], ["HOME=/"]]) {
    it.live(`records, ${home.length === 0 ? "without a home" : "where home takes nothing"}`, () =>
      Effect.gen(function* () {
        const at = yield* Daemons.place
        const output = yield* temporaryDirectory("nobody")
        chmodSync(output, 0o777)
        const running = yield* Process.daemon("env", asNobody(home, ["-o", output, ...at.urls]), { cwd: "/" })
        yield* Daemons.untilListening(at, running)
        const streaming = `net://127.0.0.1:${at.ports[0]}:${at.ports[1]}`
        yield* Toolbox.run("load", "--packets=1", "--hostname=h", streaming)
        assert.isTrue(existsSync(join(output, "h")))
        const ended = yield* Daemons.end(running)
        assert.strictEqual(ended.code, 0)
        assert.match(ended.stderr, /^Warning: No run directory, so no health socket and no port files: .*\n$/)
      })
    )
  }
  it.live("is told to name an output", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const refused = yield* Process.attempt("env", asNobody([], at.urls), { cwd: "/" })
      assert.deepStrictEqual(
        [refused.code, refused.stderr],
        [1, "Error: There is no home directory to put traces in: give -o, --output PATH [code=START_OPTION]\n"]
      )
    })
  )
})

const startIn = Effect.fnUntraced(function* (at: Daemons.Place, before: string, args: ReadonlyArray<string>) {
  const running = yield* Daemons.start("ours", at, [...at.urls, ...args], { before })
  yield* Daemons.untilReady(at, running)
  return running
})

describe("a working directory that has been removed", () => {
  it.live("is no reason not to start; what is relative to it is not there", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const output = join(at.home, "out")
      const running = yield* startIn(at, "mkdir gone; cd gone; rmdir ../gone", ["-o", output])
      assert.isTrue(existsSync(output))
      assert.deepStrictEqual(yield* Daemons.end(running), { code: 0, signal: null, stdout: "", stderr: "" })
    })
  )
})

describe("few descriptors", () => {
  it.live("are told of at the start, with the connections for which they are enough", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const running = yield* startIn(at, "ulimit -n 120", [])
      const { stderr } = yield* Daemons.end(running)
      assert.match(stderr, /^Warning: Descriptors \(.*\) are enough for 38 connections, not for 4096\n$/)
    })
  )
})

Peers.describeWithPeers(["prlimit"], "no descriptor for anything, though few connections are open", () => {
  it.live("is told of, and that it is over", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const running = yield* startIn(at, ":", ["-v"])
      yield* Process.said(running, "Initialization complete")
      const limit = (count: string) => Process.run("prlimit", ["--pid", `${running.pid}`, `--nofile=${count}`])
      yield* limit("10:")
      yield* Process.said(running, "DESCRIPTORS_SHORT")
      yield* limit("1000:")
      yield* Process.said(running, "DESCRIPTORS_AGAIN")
      const { stderr } = yield* Daemons.end(running)
      const [short, again, ...more] = stderr.match(/^.*code=DESCRIPTORS_.*$/gm) ?? []
      assert.match(short ?? "", /^Error: the process has hardly a descriptor left: Too many open files \[/)
      assert.match(again ?? "", /^Warning: the process has descriptors again \[/)
      assert.deepStrictEqual(more, [])
    })
  )
})

describe("names that are not UTF-8", () => {
  it.live("of the output directory are its bytes, and are the same when the options are read again", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const running = yield* startIn(at, `set -- "$@" -v -o "$(printf '%s/\\351t\\351' '${at.home}')"`, [])
      const names = readdirSync(at.home, { encoding: "buffer" }).map((name) => name.toString("latin1"))
      assert.include(names, "\u00e9t\u00e9")
      const streaming = `net://127.0.0.1:${at.ports[0]}:${at.ports[1]}`
      yield* Toolbox.run("load", "--packets=1", "--hostname=h", streaming)
      const output = Buffer.from(`${at.home}/\u00e9t\u00e9`, "latin1")
      assert.deepStrictEqual(
        readdirSync(output).filter((name) => !name.startsWith(".")),
        ["h"]
      )
      running.signal("SIGHUP")
      yield* Process.said(running, "configuration read again")
      yield* Daemons.end(running)
    })
  )
})

describe("the files that others read", () => {
  it.live("have the reference's modes, whatever the umask: only who started it writes the pid file", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const running = yield* startIn(at, "umask 0", ["-P", join(at.home, "pid")])
      const modeOf = (name: string) => Daemons.mode(join(at.runDirectory, "relayd", name))
      assert.deepStrictEqual(["control.port", "data.port", "live.port"].map(modeOf), ["666", "666", "644"])
      assert.strictEqual(Daemons.mode(join(at.home, "pid")), "644")
      yield* Daemons.end(running)
    })
  )
})

describe("the operator's unix socket", () => {
  for (const [umask, mode, ...more] of [
    ["027", "770"],
    ["077", "700"],
    ["027", "770", "--proxy-from=10.0.0.0/8"]
  ] as const) {
    it.live(`lets in whom umask ${umask} lets read: ${more}`, () =>
      Effect.gen(function* () {
        const socket = join(yield* temporaryDirectory("socket"), "http")
        const flags = [`--http-port=unix://${socket}`, ...more]
        yield* Daemons.runForeground(flags, { before: `umask ${umask}` })
        yield* Process.until("its mode", () => existsSync(socket) && Daemons.mode(socket) === mode)
      })
    )
  }
})

describe("a log that cannot be written", () => {
  it.live("to a full disk is no reason to end", () =>
    Effect.gen(function* () {
      const { running, health } = yield* Daemons.runForeground(["-vvv"], { outputFile: "/dev/full" })
      assert.strictEqual(yield* Daemons.ask(health, Daemons.check), Daemons.healthy)
      assert.strictEqual((yield* Daemons.end(running)).code, 0)
    })
  )
  it.live("to a pipe that nobody reads is none either", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const script = 'PATH=$PATH; "$@" 2>&1 | sleep 0 & wait'
      const [sh = "sh", ...words] = Daemons.command("ours", [...at.urls, "-vvv", "-P", join(at.home, "pid")])
      const env = { HOME: at.home, LTTNG_HOME: at.home, LTTNG_RUNDIR: at.runDirectory }
      yield* Process.daemon("sh", ["-c", script, "sh", sh, ...words], { cwd: at.home, env })
      yield* Process.until("the port files", () => Daemons.files(at).includes("live.port"))
      const [pid = 0] = Daemons.processesOf(at)
      const health = join(at.runDirectory, "relayd", `health-${pid}`)
      assert.strictEqual(yield* Daemons.ask(health, Daemons.check), Daemons.healthy)
      process.kill(pid, "SIGTERM")
      yield* Process.until("the end", () => !Daemons.isAlive(pid))
      assert.deepStrictEqual(Daemons.files(at), [])
    })
  )
})

describe("two relays of one user", () => {
  it.live("the port files are the first one's as long as it lives", () =>
    Effect.gen(function* () {
      const { at } = yield* Daemons.runForeground()
      const before = Daemons.portFiles(at)
      const other = yield* Daemons.place
      const beside = { ...other, runDirectory: at.runDirectory }
      const second = yield* Daemons.start("ours", beside, beside.urls)
      yield* Process.until("its health socket", () => Daemons.files(at).includes(`health-${second.pid}`))
      yield* Process.said(second, "are those of another relay")
      assert.strictEqual((yield* Daemons.end(second)).code, 0)
      assert.deepStrictEqual(Daemons.portFiles(at), before)
    })
  )
})

Peers.describeWithPeers(["perl", "script"], "a terminal that is closed", () => {
  /** Started in a terminal that `script` makes; answers the daemon's pid once the terminal is gone. */
  const outlive = Effect.fnUntraced(function* (at: Daemons.Place, log: string, before: string) {
    yield* Daemons.killed(at)
    const command = [firstStage, ...at.urls, "-v", "--log-file", log].map((word) => `'${word}'`).join(" ")
    const env = { HOME: at.home, LTTNG_HOME: at.home, LTTNG_RUNDIR: at.runDirectory }
    const shell = `cd /; ${before}; PATH='${dirname(process.execPath)}':$PATH exec ${command}`
    const terminal = yield* Process.daemon("script", ["-qec", shell, "/dev/null"], { cwd: at.home, env })
    yield* Process.until("the port files", () => Daemons.files(at).includes("live.port"))
    const [pid = 0] = Daemons.processesOf(at)
    terminal.signal("SIGKILL")
    return pid
  })
  it.live("ends the daemon in order", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const pid = yield* outlive(at, join(at.home, "log"), ":")
      yield* Process.until("the daemon to end", () => !Daemons.isAlive(pid))
      assert.deepStrictEqual(Daemons.files(at), [])
    })
  )
  it.live("ends none that nohup started: it reads its options again", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const log = join(at.home, "log")
      const pid = yield* outlive(at, log, "trap '' HUP")
      yield* Process.until("the options to be read", () =>
        readFileSync(log, "utf8").includes("configuration read again")
      )
      assert.isTrue(Daemons.isAlive(pid) && Daemons.listening(at))
    })
  )
})

describe("a burst of connections", () => {
  const count = 600
  const most = Number(readFileSync("/proc/sys/net/core/somaxconn", "utf8"))
  it.live.skipIf(most < count)(`is completed by the kernel while the relay is busy: ${count} at once`, () =>
    Effect.gen(function* () {
      const { at, running } = yield* Daemons.runForeground()
      running.signal("SIGSTOP")
      yield* Effect.addFinalizer(() => Effect.sync(() => running.signal("SIGCONT")))
      const open = Effect.acquireRelease(
        Effect.callback<ReturnType<typeof connect>>((resume) => {
          const socket = connect(at.ports[0] ?? 0, "127.0.0.1", () => resume(Effect.succeed(socket)))
          socket.on("error", () => undefined)
        }),
        (socket) => Effect.sync(() => socket.destroy())
      )
      const all = Effect.all(
        Array.from({ length: count }, () => open),
        { concurrency: "unbounded" }
      )
      assert.strictEqual((yield* all).length, count)
    })
  )
})

describe("what is said", () => {
  for (const [flag, has, hasNot] of [
    ["-v", /session l-0#/, /StreamAdded|DBG2|DBG3/],
    ["-vv", /DBG2 - .*StreamAdded.*\n[\s\S]*DBG2 - .*SessionClosed/, /DBG3/],
    ["-vvv", /DBG3 - .*CREATE_SESSION/, /^$/]
  ] as const) {
    it.live(`with ${flag}`, () =>
      Effect.gen(function* () {
        const { at, running } = yield* Daemons.runForeground([flag])
        const streaming = `net://127.0.0.1:${at.ports[0]}:${at.ports[1]}`
        const load = ["load", "--packets=2", "--session=l", "--hostname=h", streaming]
        yield* Toolbox.run(...load)
        yield* Process.said(running, has)
        assert.notMatch(yield* Process.lastSaid(running), hasNot)
      })
    )
  }
})
