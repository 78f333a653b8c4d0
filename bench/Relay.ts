/**
 * The programs under test, started alike: this repository's relay, the installed lttng-relayd, and the null relay.
 */

import * as fs from "node:fs"
import * as path from "node:path"
import { Effect, type Scope } from "effect"
import type { Generator } from "./Generator.ts"
import * as Process from "./Process.ts"

export const kinds = ["ours", "reference", "null"] as const
export type Kind = (typeof kinds)[number]

export interface Relay {
  readonly kind: Kind
  readonly running: Process.Running
  readonly control: number
  readonly data: number
  readonly live: number
  readonly output: string
}

const root = path.dirname(import.meta.dirname)
/** `BENCH_RELAYD` names other bundled commands, such as those of the test suite. */
const oursEntry = process.env.BENCH_RELAYD ?? path.join(root, "dist/bin/lttng-relayd.js")

/** The reason this relay cannot be measured here, if there is one. */
export const missing = (kind: Kind): string | undefined => {
  if (kind === "ours" && !fs.existsSync(oursEntry)) return `${oursEntry} does not exist: npm run build`
  if (kind === "reference" && !Process.has("lttng-relayd")) return "lttng-relayd is not installed"
  return undefined
}

export const version = (kind: Kind): Effect.Effect<string> =>
  kind === "ours"
    ? Effect.map(Process.run("git", ["-C", root, "describe", "--always", "--dirty"]), ({ output }) => output.trim())
    : Effect.map(Process.run("lttng-relayd", ["--version"]), ({ output }) => output.trim())

const commandOf = (kind: Kind, generator: Generator): readonly [string, ...Array<string>] => {
  if (kind === "null") return [...generator.command, "sink"]
  return kind === "ours" ? [process.execPath, oursEntry] : ["lttng-relayd"]
}

/** `output` must exist: its host directories may be mount points by now. */
export const start = (
  kind: Kind,
  generator: Generator,
  output: string,
  scratch: string,
  address = "127.0.0.1"
): Effect.Effect<Relay, Process.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    const [control = 0, data = 0, live = 0] = yield* Process.freePorts(3)
    const [command, ...args] = commandOf(kind, generator)
    const options =
      kind === "null"
        ? [`control=${control}`, `data=${data}`]
        : ["-o", output, "-C", `tcp://${address}:${control}`, "-D", `tcp://${address}:${data}`].concat(
            "-L",
            `tcp://127.0.0.1:${live}`
          )
    // A home and a health socket of its own: another relay on this machine stays undisturbed.
    const home = path.join(scratch, "home")
    fs.mkdirSync(home, { recursive: true })
    const env = { LTTNG_HOME: home, LTTNG_RUNDIR: path.join(home, "run"), LTTNG_RELAYD_HEALTH: `${home}/health` }
    const running = yield* Process.spawn(command, [...args, ...options], { env })
    yield* Process.listening(running, control, undefined, address)
    return { kind, running, control, data, live, output }
  })
