/**
 * The installed relay daemon and ours with the same options: exit status, what goes where, and the words.
 *
 * Options that are valid are followed by `-V`, so nothing runs. Where ours differs on purpose the row says why.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { describeWithPeers, reference } from "../support/peers.ts"
import * as Daemons from "./daemons.ts"

interface Row {
  readonly args: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  readonly before?: string
  /** The `[relayd]` section of the user's INI file. */
  readonly ini?: string
  /** Why only the exit status and the streams are compared. */
  readonly otherWords?: string
  /** Why ours ends with another status. */
  readonly ourStatus?: readonly [status: number, why: string]
}

const valid: ReadonlyArray<Row> = [
  { args: ["-V"] },
  { args: ["--version"] },
  { args: ["--vers"] },
  { args: ["-sV"] },
  { args: ["-vvv", "-V"], otherWords: "debug lines are each daemon's own" },
  { args: ["-V", "operand"] },
  { args: ["operand", "-V", "--", "-Z"] },
  ...["operand", "-", ""].map((operand) => ({ args: ["-V", operand, "-Z"], env: { POSIXLY_CORRECT: "" } })),
  { args: ["--control-port=tcp://localhost:1", "-V"] },
  { args: ["--data-port", "tcp4://127.0.0.1:2", "-V"] },
  { args: ["-L", "tcp6://[::1]:3", "-V"] },
  { args: ["-C", "net://localhost:1:2", "-V"] },
  { args: ["-C", "tcp://[127.0.0.1]:1/ignored", "-V"] },
  { args: ["-C", "tcp://localhost:", "-V"] },
  { args: ["-C", "tcp://localhost:4294967297", "-V"] },
  { args: ["-C", "tcp://0:1", "-V"] },
  { args: ["-o", "/nowhere/at/all", "-V"] },
  { args: ["-o", "relative", "-V"] },
  { args: ["-d", "-b", "-V"] },
  { args: ["-g", "nosuchgroup", "-V"] },
  { args: ["-w", "/nowhere", "-V"] },
  { args: ["--working-dir", "/", "-V"] },
  { args: ["-p", "-V"] },
  { args: ["-x", "--disallow-clear", "-V"] },
  { args: ["--fd-pool-size=100", "-V"] },
  { args: ["--fd-pool-size", "0x80", "-V"] },
  { args: ["--fd-pool-size=010000", "-V"] },
  { args: ["-V"], env: { LTTNG_RELAYD_DISALLOW_CLEAR: "1" } },
  { args: ["-V"], env: { LTTNG_RELAYD_DISALLOW_CLEAR: "off" } },
  { args: ["-V"], env: { LTTNG_RELAYD_WORKING_DIRECTORY: "/nowhere" } },
  { args: ["-V"], env: { LTTNG_NETWORK_SOCKET_TIMEOUT: "-1" } },
  { args: ["-V"], env: { LTTNG_RELAYD_TCP_KEEP_ALIVE: "x" } },
  { args: ["-V"], env: { LTTNG_RELAYD_TCP_KEEP_ALIVE: "1", LTTNG_RELAYD_TCP_KEEP_ALIVE_IDLE_TIME: "-5" } },
  { args: ["-V"], env: { LTTNG_RELAYD_TCP_KEEP_ALIVE: "1", LTTNG_RELAYD_TCP_KEEP_ALIVE_PROBE_INTERVAL: "7" } },
  // Judged without the switch, too; a number out of range hides what is read after it.
  ...["", "1x", "1.5", "0X", "-2", "2147483648", "9223372036854775807"].map((text) => ({
    args: ["-V"],
    env: {
      LTTNG_RELAYD_TCP_KEEP_ALIVE_IDLE_TIME: text,
      LTTNG_RELAYD_TCP_KEEP_ALIVE_PROBE_INTERVAL: "x",
      LTTNG_RELAYD_TCP_KEEP_ALIVE_ABORT_THRESHOLD: "1"
    }
  })),
  { args: ["-V"], env: { LTTNG_RELAYD_TCP_KEEP_ALIVE_ABORT_THRESHOLD: "" } },
  {
    args: ["-V"],
    env: { LTTNG_RELAYD_TCP_KEEP_ALIVE_IDLE_TIME: "9223372036854775808" },
    otherWords: "the reference adds a place in its source"
  },
  ...["+1", " 1", "4294967296", "-4294967295", "0 x", "1x"].map((text) => ({
    args: ["-V"],
    env: { LTTNG_RELAYD_DISALLOW_CLEAR: text, LTTNG_RELAYD_TCP_KEEP_ALIVE: text }
  })),
  { args: ["-V"], ini: "fd-pool-size = abc\nfd-pool-size = +100\nfd-pool-size = 18446744073709551616\n= x" },
  { args: ["-V"], ini: "background = +0\ndaemonize = -1\nverbose = 18446744073709551615" },
  { args: ["-C", "net://127.0.0.1:5:6/x:7", "-V"] },
  { args: ["-V"], ini: "fd-pool-size = 128\ndisallow-clear = yes\nverbose = 0" },
  { args: ["-V"], ini: "surprise = 1" },
  { args: ["-V"], ini: "background = maybe" },
  { args: ["-V"], ini: "background = off\nhelp = 1\nversion = 1\nconfig = x" },
  { args: ["-V"], ini: "control-port = tcp://" },
  { args: ["-V"], ini: "data-port = foo://x\nlive-port = tcp://localhost:99999" },
  { args: ["-V"], ini: "no separator\n; comment\n# comment\ngroup = x ; why" },
  { args: ["-V"], ini: "control-port = tcp://localhost:0" },
  { args: ["-V"], ini: "live-port = tcp://localhost:abc" },
  { args: ["-C", "tcp://localhost:12x", "-V"] },
  { args: ["-p", "-V"], ini: "group-output-by-session = no" },
  { args: ["-h"], otherWords: "ours has its help built in, the reference shows its manual page" }
]

const refused: ReadonlyArray<Row> = [
  { args: ["-Z"] },
  { args: ["-V", "-Z"] },
  { args: ["--nosuch"] },
  { args: ["-h", "--nosuch"] },
  { args: ["--output"] },
  { args: ["-C"] },
  { args: ["--verbose=3"] },
  { args: ["-o", "relative"] },
  { args: ["-o", ""] },
  { args: ["-o", "/proc/nowhere"], otherWords: "the reference adds a place in its source" },
  { args: ["-d", "-o", "relative"] },
  { args: ["-C", "foo://x", "-V"] },
  { args: ["-C", "localhost", "-V"] },
  { args: ["-D", "tcp://", "-V"] },
  { args: ["-D", "tcp://:5343", "-V"] },
  { args: ["-L", "tcp://localhost:99999", "-V"] },
  { args: ["-L", "tcp://localhost:-1", "-V"] },
  { args: ["-C", "tcp://localhost:0", "-V"] },
  { args: ["-D", "tcp://localhost:00", "-V"] },
  { args: ["-C", "tcp://localhost:0", "-D", "tcp://localhost:0", "-V"] },
  { args: ["-L", "tcp://localhost:abc", "-V"] },
  { args: ["-C", "tcp://127.0.0.1:0x10", "-V"] },
  { args: ["-C", "tcp://[::1", "-V"] },
  { args: ["-C", "tcp://[127.0.0.1]x", "-V"] },
  { args: ["-C", "tcp://localhost:1:2", "-V"] },
  { args: ["-C", "tcp://localhost:65536:1", "-V"] },
  ...["99999999999", "4294967295", "9223372036854775808", "-4294967296"].map((port) => ({
    args: ["-D", `tcp://localhost:${port}`, "-V"]
  })),
  { args: ["-C", "tcp4://[::1]:1", "-V"] },
  { args: ["-C", "net4://[::1]", "-V"] },
  { args: ["-C", "tcp://h.invalid:1", "-V"] },
  ...[
    "tcp6://127.0.0.1",
    "tcp://[]:5",
    "tcp://[",
    "tcp6://[[::1]]:5",
    "tcp://localhost:5:/",
    "/tmp/x",
    "file://tmp"
  ].map((url) => ({ args: ["-C", url, "-V"] })),
  ...["net://127.0.0.1:5:0", "net://127.0.0.1:5:x", "net://127.0.0.1:5:6:7/x"].map((url) => ({
    args: ["-L", url, "-V"]
  })),
  { args: ["-s", "-p", "-V"] },
  { args: ["-p", "-p", "-V"] },
  { args: ["-s", "-s", "-V"] },
  { args: ["--fd-pool-size=abc", "-V"] },
  { args: ["--fd-pool-size=-5", "-V"] },
  { args: ["--fd-pool-size=50", "-V"] },
  { args: ["--fd-pool-size=1e3", "-V"] },
  { args: ["--fd-pool-size=99999999", "-V"] },
  { args: ["--fd-pool-size=4294967295", "-V"] },
  { args: ["--fd-pool-size=18446744073709551615", "-V"] },
  { args: ["--fd-pool-size=18446744073709551616", "-V"] },
  { args: ["--fd-pool-size=abc", "-C", "foo://x"] },
  { args: ["--nosuch=1"] },
  { args: ["--group-out=1"] },
  { args: ["-Z"], env: { LTTNG_RELAYD_TCP_KEEP_ALIVE: "" } },
  { args: ["-V"], env: { LTTNG_RELAYD_DISALLOW_CLEAR: "2147483648" } },
  { args: ["-V"], before: "ulimit -n 90" },
  { args: ["-V"], env: { LTTNG_RELAYD_DISALLOW_CLEAR: "perhaps" } },
  { args: ["-V"], env: { LTTNG_RELAYD_DISALLOW_CLEAR: "" } },
  { args: ["-p", "-V"], ini: "group-output-by-session = yes" },
  { args: ["-V"], ini: "group-output-by-session = yes\ngroup-output-by-host = 1" },
  { args: ["-V"], ini: "fd-pool-size = 50" },
  { args: [], ini: "output = relative" },
  { args: [], ini: 'output = "/tmp"' },
  { args: ["-f", "/nowhere.ini", "-V"], otherWords: "observed: the reference may add a trace of its parser" }
]

/** Only where the reference is older or wrong. */
const different: ReadonlyArray<Row> = [
  { args: ["-f", "/dev/null", "-V"], ourStatus: [0, "the reference has no case for -f and always fails"] },
  {
    args: ["-C", "tcp://localhost:0", "--dynamic-port-allocation", "-V"],
    ourStatus: [0, "2.14 and later have this option, and accept port 0"]
  },
  { args: ["-C", "tcp://[::1]:1", "-V"], ourStatus: [0, "an IPv6 address says what it is"] },
  { args: ["-P", "/x", "-S", "-V"], ourStatus: [0, "2.14 and later have these options"] },
  { args: ["--dynamic-port-allocation", "-V"], ourStatus: [0, "2.14 and later have this option"] },
  { args: ["-C", "file:///tmp", "-V"], ourStatus: [1, "the reference notices only when it binds"] }
]

const titleOf = (row: Row) => {
  const variables = Object.entries(row.env ?? {}).map(([name, value]) => `${name}=${value}`)
  const ini = row.ini === undefined ? [] : [`[${row.ini.replaceAll("\n", " | ")}]`]
  return [row.before, ...variables, ...ini, row.args.join(" ")]
    .filter((word) => word !== undefined && word !== "")
    .join(" ")
}

const both = (row: Row) =>
  Effect.gen(function* () {
    const at = yield* Daemons.place
    if (row.ini !== undefined) {
      mkdirSync(join(at.home, ".lttng"))
      writeFileSync(join(at.home, ".lttng", "lttng.conf"), `[relayd]\n${row.ini}\n`)
    }
    return yield* Effect.all(
      [Daemons.attempt("reference", at, row.args, row), Daemons.attempt("ours", at, row.args, row)],
      {
        concurrency: 2
      }
    )
  })

describeWithPeers(reference, "the same command line", () => {
  for (const [claim, rows, status] of [
    ["is valid for both", valid, 0],
    ["is refused by both", refused, 1]
  ] as const) {
    for (const row of rows) {
      it.live(`${titleOf(row)} ${claim}`, () =>
        Effect.gen(function* () {
          const [theirs, ours] = yield* both(row)
          assert.deepStrictEqual([theirs.code, ours.code], [status, status], ours.stderr)
          assert.strictEqual(ours.stdout === "", theirs.stdout === "", "standard output")
          if (status === 1) assert.notStrictEqual(ours.stderr, "", "a refusal says why")
          // The same words; ours have their code behind them.
          const words = ours.stderr.replaceAll(/ \[code=[A-Z_]+\]$/gm, "")
          if (row.otherWords === undefined) assert.strictEqual(words, theirs.stderr)
        })
      )
    }
  }
  for (const row of different) {
    const [status, why] = row.ourStatus ?? [0, ""]
    it.live(`${titleOf(row)} ends differently: ${why}`, () =>
      Effect.gen(function* () {
        const [theirs, ours] = yield* both(row)
        assert.notStrictEqual(theirs.code, status)
        assert.strictEqual(ours.code, status, ours.stderr)
      })
    )
  }
  it.live("LTTNG_ABORT_ON_ERROR=1 aborts both at the first error line", () =>
    Effect.gen(function* () {
      const env = { LTTNG_ABORT_ON_ERROR: "1" }
      const [theirs, ours] = yield* both({ args: ["-o", "relative"], env, before: "ulimit -c 0" })
      assert.deepStrictEqual([theirs.signal, ours.signal], ["SIGABRT", "SIGABRT"])
    })
  )
  it.live("-V prints one line with the version, and nothing else", () =>
    Effect.gen(function* () {
      const [theirs, ours] = yield* both({ args: ["-V"] })
      for (const { stdout } of [theirs, ours]) assert.match(stdout, /^[0-9]+\.[0-9]+\.[0-9]+\n$/)
    })
  )
})
