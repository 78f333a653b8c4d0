/**
 * Starts made up from a seed, of options, variables and INI lines in any order, at the installed relay and ours: the
 * same status, the same words. Every one ends in `-V`, so nothing runs. What differs on purpose is not made up, and is
 * in SideBySide.test.ts with the reason. `LTTNG_RELAY_SEEDS=1000` makes up more.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { describeWithPeers, reference } from "../support/peers.ts"
import { Random } from "../support/Random.ts"
import * as Daemons from "./daemons.ts"

const urls = [
  "tcp://localhost:1",
  "TCP://LocalHost:7/x",
  "tcp4://127.1:4",
  "tcp://127.0.0.1",
  "tcp://127.0.0.1: 5",
  "tcp://127.0.0.1:65536",
  "tcp://127.0.0.1:-1",
  "tcp://localhost:5:6/x",
  "tcp://127.0.0.1:x",
  "tcp6://[::1]:5",
  "tcp6://::1:5",
  "tcp6://127.0.0.1:5",
  "tcp6://[::1]]:5",
  "tcp://[]:5",
  "tcp://[127.0.0.1]5",
  "net4://127.0.0.1:5:6",
  "net://127.0.0.1::",
  "tcp5://x",
  "tcp://",
  "tcp",
  "",
  "/tmp/x",
  "file://tmp",
  "tcp://lo calhost:5"
]
const sizes = ["100", "99", "+100", "0x64", "0144", "100abc", "abc", "", " 100", "4294967295", "18446744073709551616"]
const booleans = [
  "yes",
  "No",
  "oN",
  "off",
  "1",
  "0",
  "2",
  "-1",
  "+1",
  "",
  "yess",
  "1x",
  "00",
  '"yes"',
  "4294967296",
  "t"
]
const integers = [...sizes, "-1", "-2", "0", "2147483648", "1.5", "08"]
const places = ["/tmp", "relative", "", "/nowhere/x", "/dev/null"]

const arguments_: Readonly<Record<string, ReadonlyArray<string>>> = {
  "control-port": urls,
  "data-port": urls,
  "live-port": urls,
  output: places,
  group: ["tracing", "nosuch", ""],
  "working-directory": places,
  "fd-pool-size": sizes
}
const switches = ["group-output-by-host", "group-output-by-session", "disallow-clear", "daemonize", "background"]
const shorts: Readonly<Record<string, string>> = {
  "control-port": "-C",
  "data-port": "-D",
  "live-port": "-L",
  output: "-o",
  group: "-g",
  "working-directory": "-w",
  "group-output-by-host": "-p",
  "group-output-by-session": "-s",
  "disallow-clear": "-x",
  daemonize: "-d",
  background: "-b"
}
const odd = ["operand", "-", "-sx", "-Z", "--nosuch=1", "--group-output=1", "--da", "--background=1", "--control-p"]
const keepAlive = "LTTNG_RELAYD_TCP_KEEP_ALIVE"
const variables: Readonly<Record<string, ReadonlyArray<string>>> = {
  LTTNG_RELAYD_DISALLOW_CLEAR: booleans,
  LTTNG_RELAYD_WORKING_DIRECTORY: places,
  LTTNG_NETWORK_SOCKET_TIMEOUT: integers,
  [keepAlive]: booleans,
  [`${keepAlive}_IDLE_TIME`]: integers.slice(0, -7),
  [`${keepAlive}_PROBE_INTERVAL`]: ["5", "x", "-2", "0"],
  [`${keepAlive}_ABORT_THRESHOLD`]: ["5", ""]
}
const separators = [" = ", "=", " : ", ":", "\t=\t"]
const lines = ["", "; c", "# c", "[sessiond]", "[relayd]", "nosep", "=", "= x", "[relayd", "surprise = 1"]

const start = (seed: number) => {
  const random = new Random(seed)
  const below = (limit: number) => random.below(limit)
  const one = <A>(values: ReadonlyArray<A>) => random.pick(values)
  const option = (): ReadonlyArray<string> => {
    if (below(6) === 0) return [one(odd)]
    const isSwitch = below(3) === 0
    const name = isSwitch ? one(switches) : one(Object.keys(arguments_))
    const short = shorts[name] ?? ""
    if (isSwitch) return [one([short, `--${name}`])]
    const value = one(arguments_[name] ?? [])
    return one([
      [short, value],
      [`--${name}=${value}`],
      [`--${name}`, value],
      value === "" ? [short, ""] : [short + value]
    ])
  }
  const entry = () => {
    if (below(5) === 0) return one(lines)
    const isSwitch = below(2) === 0
    const name = isSwitch ? one(switches) : one(Object.keys(arguments_))
    return (
      name + one(separators) + (isSwitch ? one(booleans) : one(arguments_[name] ?? [])) + one(["", "", " ; why", "\r"])
    )
  }
  const many = (limit: number) => Array.from({ length: below(limit) })
  return {
    args: [...many(4).flatMap(option), "-V"],
    env: Object.fromEntries(
      many(3)
        .map(() => one(Object.keys(variables)))
        .map((name) => [name, one(variables[name] ?? [])])
    ),
    ini: below(2) === 0 ? undefined : ["[relayd]", ...many(5).map(entry)].join("\n")
  }
}

const seedCount = Number(process.env.LTTNG_RELAY_SEEDS ?? 40)

/** Ours has its code behind a line; the reference has some with a level, a time and a place of their own. */
const words = (text: string) =>
  text
    .replaceAll(/ \[code=[A-Z_]+\]$/gm, "")
    .replaceAll(/^PERROR - [^\]]*\]: /gm, "Error: ")
    .replaceAll(/ \(in .*$/gm, "")

describeWithPeers(reference, "starts made up from a seed", () => {
  it.live(
    "are for both the same",
    () =>
      Effect.gen(function* () {
        for (let seed = 1; seed <= seedCount; seed++) {
          const at = yield* Daemons.place
          const { args, env, ini } = start(seed)
          if (ini !== undefined) {
            mkdirSync(join(at.home, ".lttng"))
            writeFileSync(join(at.home, ".lttng", "lttng.conf"), ini)
          }
          const [theirs, ours] = yield* Effect.all(
            [Daemons.attempt("reference", at, args, { env }), Daemons.attempt("ours", at, args, { env })],
            { concurrency: 2 }
          )
          const told = ({ code, stderr, stdout }: typeof ours) => [code, stdout === "", words(stderr)]
          assert.deepStrictEqual(told(ours), told(theirs), `seed ${seed}: ${JSON.stringify({ args, env, ini })}`)
        }
      }),
    { timeout: 60_000 + seedCount * 1000 }
  )
})
