/**
 * What listens before the runtime is there. Goal: the ports of every start it understands are open while the runtime
 * has not even been started, and no other. Method: a runtime that only tells what it was given and waits.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { getPriority } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { options } from "../../src/config/Options.ts"
import { daemonProgram } from "../support/bundle.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Daemons from "./daemons.ts"

const command = join(dirname(daemonProgram), "lttng-relayd")
const source = readFileSync(fileURLToPath(new URL("../../src/bin/lttng-relayd.sh", import.meta.url)), "utf8")

/** Options after which the first stage would not know what is bound, or that end the process. */
const unknowable = ["daemonize", "background", "config", "dynamic-port-allocation", "help", "version", "check"]
const ports = ["control-port", "data-port", "live-port"]
const knowable = options.filter(({ name }) => ![...unknowable, ...ports].includes(name))
const harmless = knowable.flatMap(({ argument, name }) => (argument === undefined ? [`--${name}`] : [`--${name}`, "x"]))

/** How long the scheduler lets a process run at a time, in ns; undefined: it does not say. */
const turnOf = (pid: string): number | undefined => {
  const path = `/proc/${pid}/sched`
  const [, nanos] = existsSync(path) ? (/^se\.slice\s*:\s*(\d+)$/m.exec(readFileSync(path, "utf8")) ?? []) : []
  return nanos === undefined ? undefined : Number(nanos)
}

/** Starts the command with a runtime that says what it was given. */
const startWith = Effect.fnUntraced(function* (at: Daemons.Place, args: ReadonlyArray<string>) {
  const tools = join(at.home, "tools")
  mkdirSync(tools, { recursive: true })
  const script = '#!/bin/sh\necho "listeners=$LTTNG_RELAYD_LISTENERS"\necho "words=$*"\nexec sleep 60\n'
  writeFileSync(join(tools, "node"), script, { mode: 0o755 })
  const env = { HOME: at.home, LTTNG_HOME: at.home, PATH: `${tools}:/usr/bin:/bin` }
  const running = yield* Process.daemon(command, args, { cwd: at.home, env })
  const said = yield* Process.said(running, /words=.*\n/)
  const names = /listeners=(.*)/.exec(said)?.[1] ?? ""
  return { running, said, names: names === "" ? [] : names.split(",").map((entry) => entry.split(" ")[0]) }
})

/** Starts the daemon; every start of the runtime tells what the first stage left for it. */
const startTelling = Effect.fnUntraced(function* (at: Daemons.Place, [program = "", ...args]: ReadonlyArray<string>) {
  const [told, tells] = [join(at.home, "told"), join(at.home, "tells.cjs")]
  const telling = `require("node:fs").appendFileSync("${told}", process.env.LTTNG_RELAYD_LISTENERS + "\\n")`
  writeFileSync(tells, telling)
  const own = { HOME: at.home, LTTNG_HOME: at.home, LTTNG_RUNDIR: at.runDirectory }
  const env = { ...own, PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, NODE_OPTIONS: `--require=${tells}` }
  const running = yield* Process.daemon(program, args, { cwd: at.home, env })
  return { running, told: () => readFileSync(told, "utf8") }
})

Peers.describeWithPeers(["perl"], "the first stage", () => {
  const understood: ReadonlyArray<readonly [string, (at: Daemons.Place) => ReadonlyArray<string>]> = [
    ["the three ports", (at) => at.urls],
    ["other options beside them", (at) => ["-v", "-o", "/x", "--group=g", ...at.urls, "--pid-file", "p"]],
    [
      "long names with an equals sign",
      ({ ports }) => ["control", "data", "live"].map((name, index) => `--${name}-port=tcp://localhost:${ports[index]}`)
    ],
    ["every option that changes nothing of the ports", (at) => [...at.urls, ...harmless]]
  ]
  for (const [title, args] of understood) {
    it.live(`listens for ${title} before the runtime does anything`, () =>
      Effect.gen(function* () {
        const at = yield* Daemons.place
        const { names, said } = yield* startWith(at, args(at))
        assert.deepStrictEqual(names, ["control", "data", "live"])
        assert.isTrue(Daemons.listening(at))
        assert.include(said, "lttng-relayd.js")
      })
    )
  }
  const left: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
    ["a mode that starts another process", ["-d"]],
    ["a cluster of options", ["-vb"]],
    ["an abbreviation", ["--dyn"]],
    ["a file of options", ["-f", "/dev/null"]],
    ["an option without its argument", ["-o"]],
    ["a name to resolve", ["-C", "tcp://elsewhere.invalid:1"]],
    ["IPv6", ["-L", "tcp6://[::1]:1"]],
    ["port 0", ["-D", "tcp://127.0.0.1:0"]],
    ["a check", ["--check"]]
  ]
  for (const [title, more] of left) {
    it.live(`leaves ${title} to the daemon`, () =>
      Effect.gen(function* () {
        const at = yield* Daemons.place
        const { names } = yield* startWith(at, [...at.urls, ...more])
        assert.deepStrictEqual(names, [])
        assert.isFalse(at.ports.some(Ports.listening))
      })
    )
  }
  it.live("knows nothing better than an INI file", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      mkdirSync(join(at.home, ".lttng"))
      writeFileSync(join(at.home, ".lttng", "lttng.conf"), "[relayd]\n")
      assert.deepStrictEqual((yield* startWith(at, at.urls)).names, [])
    })
  )
  it.live("leaves a taken port to the daemon, which says so", () =>
    Effect.gen(function* () {
      const { at: taken } = yield* Daemons.runForeground()
      const at = yield* Daemons.place
      const { names } = yield* startWith(at, [...at.urls, "-D", `tcp://127.0.0.1:${taken.ports[1]}`])
      assert.deepStrictEqual(names, ["control", "live"])
    })
  )
  it.live("has no socket for a standard stream that was closed", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const [tools, told] = [join(at.home, "tools"), join(at.home, "told")]
      mkdirSync(tools)
      const script = `#!/bin/sh\n(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2 >'${told}')\n:\n`
      writeFileSync(join(tools, "node"), script, { mode: 0o755 })
      const env = { HOME: at.home, LTTNG_HOME: at.home, PATH: `${tools}:/usr/bin:/bin` }
      yield* Process.run("sh", ["-c", 'exec "$0" "$@" <&- >&- 2>&-', command, ...at.urls], { cwd: at.home, env })
      assert.strictEqual(readFileSync(told, "utf8"), "/dev/null\n".repeat(3))
    })
  )
  // Linux 6.12 gives who asks for shorter turns those; the kernel tells where it shows its scheduler's state.
  it.live.skipIf(turnOf("self") === undefined || !["x64", "arm64"].includes(process.arch))(
    "asks for shorter turns of the processor, with whatever options, and for no higher priority",
    () =>
      Effect.gen(function* () {
        for (const more of [[], ["-d"]]) {
          const at = yield* Daemons.place
          const { running } = yield* startWith(at, [...at.urls, ...more])
          assert.strictEqual(turnOf(String(running.pid)), 500_000)
          assert.strictEqual(getPriority(running.pid), getPriority())
        }
      })
  )
  it.live("takes no directory for the runtime, and says that there is none", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const [wrong, right] = [join(at.home, "wrong"), dirname(process.execPath)]
      mkdirSync(join(wrong, "node"), { recursive: true })
      const version = (path: string) => Process.attempt("/bin/sh", [command, "-V"], { env: { PATH: path } })
      assert.strictEqual((yield* version(`${wrong}:${right}:/usr/bin:/bin`)).code, 0)
      const { code, stderr } = yield* version(join(at.home, "nothing"))
      const said = "Error: Cannot run node, of Node.js: No such file or directory [code=START_PROCESS]\n"
      assert.deepStrictEqual([code, stderr], [1, said])
    })
  )
  it.live("becomes the daemon, which takes its sockets over and keeps its pid, whatever threads it is to have", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const words = [command, ...at.urls, "--io-threads=7", "--sync", "close"]
      const { running, told } = yield* startTelling(at, words)
      yield* Daemons.untilReady(at, running)
      assert.deepStrictEqual(Daemons.processesOf(at), [running.pid])
      assert.include(Daemons.files(at), `health-${running.pid}`)
      // Started only once: the sockets of the first stage would not outlive another start.
      assert.match(told(), /^control [^\n]*\n$/)
      assert.strictEqual((yield* Daemons.end(running)).code, 0)
    })
  )
  it.live("is there for the entry that was run by itself, with long names too", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const names = ["control", "data", "live"].map((name, index) => `--${name}-port=${at.urls[2 * index + 1]}`)
      const { running, told } = yield* startTelling(at, [process.execPath, daemonProgram, ...names])
      yield* Daemons.untilListening(at, running)
      assert.match(told(), /^undefined\ncontrol [^\n]*\n$/)
    })
  )
})

describe("a limit that is too low for the runtime", () => {
  const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` }
  const limited = (limit: string) => Process.attempt("sh", ["-c", `ulimit ${limit} && exec "$0" -V`, command], { env })
  it.live("of descriptors is refused in the reference's words", () =>
    Effect.gen(function* () {
      for (const limit of [16, 22, 24, 26, 32]) {
        const { code, stderr } = yield* limited(`-n ${limit}`)
        const said = `Error: The process' file number limit is too low (${limit}). The process' file number limit must be`
        assert.deepStrictEqual([code, stderr], [1, `${said} set to at least 100. [code=START_OPTION]\n`])
      }
    })
  )
  it.live("of memory is refused, since the runtime may wait for ever", () =>
    Effect.gen(function* () {
      for (const [flag, kilobytes] of [
        ["-v", 150_000],
        ["-v", 200_000],
        ["-d", 40_000]
      ] as const) {
        const { code, stderr } = yield* limited(`${flag} ${kilobytes}`)
        const said = `Error: ulimit ${flag} is ${kilobytes} kB: Node.js, which reserves 1.8 GB, cannot start`
        assert.deepStrictEqual([code, stderr], [1, `${said} [code=START_PROCESS]\n`])
      }
    })
  )
  it.live("of address space is named before the runtime may end of it", () =>
    Effect.gen(function* () {
      const { stderr } = yield* limited("-v 1700000")
      assert.match(stderr, /^Warning: ulimit -v is 1700000 kB: Node.js reserves .*\n/)
    })
  )
})

describe("an inspector that a signal started before anything listened for it", () => {
  it.live("ends when the relay is ready", () =>
    Effect.gen(function* () {
      const at = yield* Daemons.place
      const opens = join(at.home, "opens.cjs")
      writeFileSync(opens, 'require("node:inspector").open(0)')
      const env = {
        HOME: at.home,
        LTTNG_HOME: at.home,
        LTTNG_RUNDIR: at.runDirectory,
        NODE_OPTIONS: `--require=${opens}`
      }
      const running = yield* Process.daemon(process.execPath, [daemonProgram, ...at.urls], { cwd: at.home, env })
      yield* Process.said(running, (output) => {
        const ports = [...output.matchAll(/Debugger listening on ws:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) =>
          Number(port)
        )
        return ports.length > 0 && Daemons.files(at).includes("live.port") && !ports.some(Ports.listening)
      })
      assert.strictEqual((yield* Daemons.end(running)).code, 0)
    })
  )
})

describe("a locale that the machine does not have", () => {
  it.live("is nothing to talk about", () =>
    Effect.gen(function* () {
      const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, LC_ALL: "xx_XX.UTF-8" }
      const { code, stderr } = yield* Process.attempt(command, ["-V"], { env })
      assert.deepStrictEqual([code, stderr], [0, ""])
    })
  )
})

describe("the first stage's tables", () => {
  const wordsOf = (name: string) =>
    (new RegExp(`%${name} = map [^(]*qw\\(([^)]*)\\)`).exec(source)?.[1] ?? "").split(/\s+/)
  const optionOf = (word: string) =>
    options.find(({ name, short }) => word === `--${name}` || word.replaceAll(/^-(.)\1*$/g, "$1") === short)
  for (const [table, hasArgument] of [
    ["switch", false],
    ["argument", true]
  ] as const) {
    it(`name options as they are: ${table}`, () => {
      const words = wordsOf(table)
      assert.isAbove(words.length, 5)
      for (const word of words) {
        const option = optionOf(word)
        assert.isDefined(option, word)
        assert.strictEqual(option?.argument !== undefined, hasArgument, word)
      }
    })
    it(`have every option that changes nothing of the ports: ${table}`, () => {
      const names = knowable.filter(({ argument }) => (argument !== undefined) === hasArgument)
      const words = new Set(wordsOf(table))
      assert.deepStrictEqual(
        names.filter(({ name }) => !words.has(`--${name}`)).map(({ name }) => name),
        []
      )
    })
  }
})
