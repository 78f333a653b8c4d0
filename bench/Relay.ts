/**
 * The programs under test, started alike: this repository's relay, the installed lttng-relayd, and the null relay. A
 * relay that runs already is taken as it is.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { Effect, type Scope } from "effect"
import type { Generator } from "./Generator.ts"
import type { Ports } from "./Link.ts"
import * as Place from "./Place.ts"
import * as Process from "./Process.ts"
import type { Reference } from "./Reference.ts"
import type { Slow } from "./RelayProgram.ts"

export const kinds = ["ours", "reference", "running", "null"] as const
export type Kind = (typeof kinds)[number]

/** Those that are no part of this package. */
export interface Others {
  readonly reference: Reference | undefined
  readonly running: Ports | undefined
}

export interface Relay {
  readonly kind: Kind
  /** Undefined: not our child. */
  readonly running: Process.Running | undefined
  /** Undefined: on another machine, or another user's, so nothing is known of its costs. */
  readonly pid: number | undefined
  readonly ports: Ports
  readonly output: string
  /** From its start until it listens. */
  readonly startMs: number
}

/** The reason this relay cannot be measured here, if there is one. */
export const missing = (kind: Kind, others: Others): string | undefined => {
  if (kind === "ours" && !fs.existsSync(Place.oursEntry)) return `${Place.oursEntry} does not exist: npm run build`
  if (kind === "reference" && others.reference === undefined) return "lttng-relayd is not installed"
  return undefined
}

export const version = (kind: Kind, others: Others): Effect.Effect<string> => {
  if (kind === "reference") return Effect.succeed(others.reference?.version ?? "–")
  if (kind === "running") return Effect.succeed(`${others.running?.host}:${others.running?.control}`)
  if (!Place.isCheckout) {
    const [entry, ...args] = [process.execPath, Place.oursEntry, "--version"]
    return Effect.map(Process.run(entry, args), ({ output }) => output.trim())
  }
  const args = ["-C", Place.root, "describe", "--always", "--dirty"]
  return Effect.map(Process.run("git", args), ({ code, output }) => (code === 0 ? output.trim() : "unversioned"))
}

export interface Start {
  readonly kind: Kind
  readonly others: Others
  readonly generator: Generator
  /** Must exist: its host directories may be mount points by now. */
  readonly output: string
  readonly scratch: string
  /** Waits until the start is over, so that idle memory is that; true by default. */
  readonly settles?: boolean
  /** Where all ports listen. */
  readonly address?: string
  /** Beside those that every relay is started with. */
  readonly args?: ReadonlyArray<string>
  /** Of ours only: its files are slow. */
  readonly slow?: ReadonlyArray<Slow>
}

const commandOf = ({ generator, kind, others, slow = [] }: Start): readonly [string, ...Array<string>] => {
  if (kind === "null") return [...generator.command, "sink"]
  if (kind === "reference") return [others.reference?.command ?? "lttng-relayd"]
  const ours = slow.length === 0 ? [Place.oursEntry] : [Place.program("RelayProgram"), JSON.stringify(slow)]
  return [process.execPath, ...ours]
}

export const start = (options: Start): Effect.Effect<Relay, Process.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    const { address = "127.0.0.1", kind, others, output, scratch } = options
    if (kind === "running" && others.running !== undefined) {
      const { control, host } = others.running
      const pid = host.startsWith("127.") ? Process.listener(control) : undefined
      return { kind, running: undefined, pid, ports: others.running, output, startMs: Number.NaN }
    }
    const [control = 0, data = 0, live = 0] = yield* Process.freePorts(3)
    const [command, ...args] = commandOf(options)
    const url = (port: number) => `tcp://${address}:${port}`
    const ports =
      kind === "null"
        ? [`control=${control}`, `data=${data}`]
        : ["-o", output, "-C", url(control), "-D", url(data), "-L", url(live)]
    // A home and a health socket of its own: another relay on this machine stays undisturbed.
    const home = path.join(scratch, "home")
    fs.mkdirSync(home, { recursive: true })
    const env = { LTTNG_HOME: home, LTTNG_RUNDIR: path.join(home, "run"), LTTNG_RELAYD_HEALTH: `${home}/health` }
    const from = performance.now()
    const running = yield* Process.spawn(command, [...args, ...ports, ...(options.args ?? [])], { env })
    yield* Process.listening(running, control)
    const startMs = performance.now() - from
    if (options.settles !== false) yield* Process.quiet(running.pid)
    return { kind, running, pid: running.pid, ports: { host: address, control, data, live }, output, startMs }
  })

/** Processor time and memory until now, if that can be known. */
export const usage = ({ pid }: Relay) => (pid === undefined ? undefined : Process.usage(pid))
