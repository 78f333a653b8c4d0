/**
 * Starts that fail, health queries from good and bad clients, and both daemons asked the same. Real processes.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Target from "../../src/target/Target.ts"
import * as Faulty from "../support/faulty.ts"
import { describeWithPeers, reference } from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Daemons from "./daemons.ts"

describe("a start that fails", () => {
  interface Failure {
    readonly name: string
    readonly args: (at: Daemons.Place, taken: Daemons.Place) => ReadonlyArray<string>
    readonly env?: (at: Daemons.Place) => Readonly<Record<string, string>>
    readonly says: RegExp
  }
  const failures: ReadonlyArray<Failure> = [
    {
      name: "a port in use",
      args: (_, taken) => taken.urls,
      says: /Failed to bind control socket tcp:\/\/127\.0\.0\.1:\d+ \(-C, --control-port\): Address already in use/
    },
    {
      name: "a port in use, where the log goes to a file,",
      args: (at, taken) => [...taken.urls, `--log-file=${at.home}/log`],
      says: /^Error: Failed to bind control socket .*: Address already in use \[code=START_PORT\]$/
    },
    {
      name: "an http port in use",
      args: (_, taken) => [`--http-port=${taken.urls[1]}`],
      says: /Failed to bind http socket 127\.0\.0\.1:\d+ \(--http-port\): Address already in use \[code=START_PORT\]$/
    },
    {
      name: "a place for the http socket below a file",
      args: () => ["--http-port=unix:///etc/passwd/socket"],
      says: /^Error: Failed to bind http socket \/etc\/passwd\/socket \(--http-port\): Not a directory/
    },
    {
      name: "an output with sessions of edges that another relay has",
      args: (at, taken) => {
        mkdirSync(`${taken.home}/lttng-traces/.journals`, { recursive: true })
        symlinkSync(`${taken.home}/lttng-traces`, `${at.home}/link`)
        return ["-o", `${at.home}/link`]
      },
      says: /^Error: The output \S+\/link has sessions of edges, .* another relay, process \d+ \[code=START_OUTPUT\]$/
    },
    {
      name: "a missing working directory",
      args: () => ["-w", "/nowhere"],
      says: /Failed to change working directory to "\/nowhere"/
    },
    {
      name: "a working directory that the environment leaves empty",
      args: () => [],
      env: () => ({ LTTNG_RELAYD_WORKING_DIRECTORY: "" }),
      says: /Failed to change working directory to "": No such file or directory/
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
      says: /run directory \S+\/no\/run: No such file/
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
    it.live(`${name} is one line and status 1, with -b, with -d, and without either`, () =>
      Effect.gen(function* () {
        const { at: taken } = yield* Daemons.runForeground()
        const at = yield* Daemons.place
        writeFileSync(join(at.home, "file"), "kept")
        const given = args(at, taken)
        for (const flags of [[], ["-b"], ["-d"]]) {
          const words = [...at.urls, ...flags, ...given]
          const failed = yield* Daemons.attempt("ours", at, words, env === undefined ? {} : { env: env(at) })
          const lines = failed.stderr.split("\n").filter((line) => line !== "" && !line.includes("tracing group"))
          assert.deepStrictEqual([failed.code, lines.length], [1, 1], failed.stderr)
          assert.match(lines[0] ?? "", says)
          assert.deepStrictEqual(Daemons.files(at), [])
        }
        assert.strictEqual(readFileSync(join(at.home, "file"), "utf8"), "kept")
      })
    )
  }
})

describe("a log file that cannot be opened", () => {
  it.live("ends a start with -d, which would have no log; one in the foreground goes on", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      yield* Daemons.killed(at)
      const { code, stderr } = yield* Daemons.attempt("ours", at, [...at.urls, "-d", "--log-file=/nowhere/log"])
      const said = "Error: The log file /nowhere/log cannot be opened: No such file or directory [code=LOG_FILE]"
      assert.deepStrictEqual([code, Daemons.withoutNoise(stderr)], [1, `${said}\n`])
      const { running } = yield* Daemons.runForeground(["--log-file=/nowhere/log"])
      yield* Process.said(running, "The log file /nowhere/log cannot be opened")
    })
  )
})

describe("a start that is refused", () => {
  for (const args of [
    ["-C", "foo://x", "--log-format=json"],
    ["--log-format=json", "--nosuch"],
    ["-f", "json.ini"]
  ]) {
    it.live(`is told in JSON where JSON is asked for: ${args.join(" ")}`, () =>
      Effect.gen(function* () {
        const at = yield* Daemons.place
        writeFileSync(join(at.home, "json.ini"), "[relayd]\nlog-format = json\nmemory-limit = 1\n")
        const { code, stderr } = yield* Daemons.attempt("ours", at, args)
        const levels = stderr
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line).level)
        assert.deepStrictEqual([code, new Set(levels)], [1, new Set(["error"])])
      })
    )
  }
})

describe("the health socket", () => {
  it.live("answers a check in one piece, in two, and to a client that closed its half", () =>
    Effect.gen(function* () {
      const { health } = yield* Daemons.runForeground()
      assert.strictEqual(yield* Daemons.ask(health, Daemons.check), Daemons.healthy)
      assert.strictEqual(yield* Daemons.ask(health, new Uint8Array(9)), Daemons.healthy, "surplus bytes")
      const halves = [Daemons.check.subarray(2), Daemons.check.subarray(2)] as const
      const whole = Effect.map(Daemons.ask(health, Daemons.check), (heard) =>
        assert.strictEqual(heard, Daemons.healthy)
      )
      assert.strictEqual(yield* Daemons.askInTwo(health, halves, whole), Daemons.healthy, "another one between")
    })
  )
  it.live("holds few descriptors for clients that say nothing, however many, and answers who asks", () =>
    Effect.gen(function* () {
      const { health, running } = yield* Daemons.runForeground()
      const descriptorCount = () => readdirSync(`/proc/${running.pid}/fd`).length
      const before = descriptorCount()
      let [most, closedCount] = [0, 0]
      for (let opened = 0; opened < 200; opened++) {
        yield* Effect.acquireRelease(
          Effect.callback<Socket>((resume) => {
            const done = () => resume(Effect.succeed(silent))
            const silent = connect(health, done)
            // Such as one too many that the kernel lets wait.
            silent.on("error", done).on("close", () => closedCount++)
            silent.resume()
          }),
          (silent) => Effect.sync(() => silent.destroy())
        )
        most = Math.max(most, descriptorCount())
      }
      // The kernel refuses while too many wait.
      const answer = Daemons.ask(health, Daemons.check)
      yield* Process.until("an answer", answer, (heard) => heard === Daemons.healthy)
      yield* Process.until("one of them to be closed", () => {
        most = Math.max(most, descriptorCount())
        return closedCount > 0
      })
      assert.isBelow(most - before, 60)
    })
  )
  it.live("closes on another command and on a silent client, and disturbs nobody", () =>
    Effect.gen(function* () {
      const { running, health } = yield* Daemons.runForeground()
      const silent = yield* Effect.forkChild(Daemons.ask(health, new Uint8Array(0)), { startImmediately: true })
      assert.strictEqual(yield* Daemons.ask(health, new Uint8Array([7, 0, 0, 0])), "")
      assert.strictEqual(yield* Daemons.ask(health, Daemons.check), Daemons.healthy)
      assert.strictEqual(yield* Fiber.join(silent), "")
      assert.strictEqual((yield* Daemons.end(running)).code, 0)
    })
  )
  it.live("is where LTTNG_RELAYD_HEALTH says, replacing an old socket", () =>
    Effect.gen(function* () {
      const directory = yield* Relays.temporaryDirectory("health")
      const env = { LTTNG_RELAYD_HEALTH: join(directory, "socket") }
      const first = yield* Daemons.runForeground([], { env })
      const killed = yield* Daemons.end(first.running, "SIGKILL")
      assert.strictEqual(killed.signal, "SIGKILL")
      assert.isTrue(existsSync(env.LTTNG_RELAYD_HEALTH), "left behind")
      const { health } = yield* Daemons.runForeground([], { env })
      assert.strictEqual(yield* Daemons.ask(health, Daemons.check), Daemons.healthy)
    })
  )
  it.live("a component told to fail ends the daemon after it was ready", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const env = { LTTNG_TESTPOINT_ENABLE: "1", LTTNG_RELAYD_THREAD_LIVE_LISTENER_TP_FAIL: "1" }
      const failed = yield* Daemons.attempt("ours", at, at.urls, { env })
      assert.strictEqual(failed.code, 1)
      assert.include(failed.stderr, "Health error occurred in relay_thread_live_listener")
      assert.deepStrictEqual(Daemons.files(at), [])
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
        assert.strictEqual(yield* Daemons.ask(health, Daemons.check), Daemons.healthy)
        assert.strictEqual(Daemons.mode(health), "660")
        for (const pid of Daemons.processesOf(at)) process.kill(pid, "SIGTERM")
        yield* Process.until("the daemon to end", () => Daemons.processesOf(at).length === 0)
        assert.isFalse(existsSync(health))
      })
    )
    it.live(`${kind}: -d answers 1 when a port is in use`, () =>
      Effect.gen(function* () {
        const { at: taken } = yield* Daemons.runForeground()
        const at = yield* Daemons.place
        const launched = yield* Daemons.attempt(kind, at, [...taken.urls, "-d"])
        assert.strictEqual(launched.code, 1)
      })
    )
    it.live(`${kind}: connecting and leaving is silent on every port`, () =>
      Effect.gen(function* () {
        const at = yield* Daemons.place
        const running = yield* Daemons.start(kind, at, at.urls)
        yield* (kind === "ours" ? Daemons.untilReady : Daemons.untilListening)(at, running)
        for (const port of at.ports) {
          yield* Effect.callback<void>((resume) => {
            const socket = connect(port, "127.0.0.1", () => socket.destroy())
            socket.on("close", () => resume(Effect.void))
          })
        }
        const ended = yield* Daemons.end(running)
        assert.deepStrictEqual([ended.code, Daemons.withoutNoise(ended.stderr)], [0, ""])
      })
    )
  }
})

describeWithPeers(["gcc"], "a quota that is full", () => {
  it.live("is told by its name, which the runtime does not have", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours", { env: Faulty.env() })
      writeFileSync(join(relay.output, Faulty.orders), "mkdir 122 traces/h")
      const target = yield* Target.make({
        url: `net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`,
        hostname: "h"
      })
      yield* Effect.flip(target.session({ name: "s" }))
      assert.match(
        yield* Process.lastSaid(relay.process),
        /session refused: mkdir \S*: EDQUOT .*code=SESSION_DIRECTORY/
      )
    })
  )
})
