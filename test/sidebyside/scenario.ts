/**
 * A scenario, and what one relay makes of it: a transcript and the directory tree it leaves behind.
 *
 * Each run has a relay process of its own, since session, stream and trace numbers are counted per process
 * and replies are compared as bytes.
 */
import { existsSync } from "node:fs"
import { Effect, type Scope } from "effect"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Tree from "../support/tree.ts"
import * as Script from "./script.ts"

export interface Scenario {
  readonly name: string
  readonly args?: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  readonly volumeBytes?: number
  readonly volumeInodes?: number
  readonly script: (s: Script.Script) => Effect.Effect<void, never, Scope.Scope>
  /**
   * Set where the installed lttng-relayd (2.13.9) is known to do something else: the reason, and what is
   * expected of us instead, as the transcript's lines and, where it matters, the tree.
   */
  readonly oursOnly?: {
    readonly reason: string
    readonly transcript?: ReadonlyArray<string>
    readonly tree?: ReadonlyArray<string>
  }
}

type Extra = Omit<Scenario, "name" | "script">

/** A scenario whose steps are written as a generator. */
export const scenario = (
  name: string,
  steps: (s: Script.Script) => Effect.gen.Return<void, never, Scope.Scope>,
  extra: Extra = {}
): Scenario => ({ name, ...extra, script: (s) => Effect.gen(() => steps(s)) })

/** How a transcript begins: session 1 with output path `path`, and its first trace chunk. */
export const opened = (path: string): ReadonlyArray<string> => [
  "C1 VERSION → 2.<own minor>",
  `C1 CREATE_SESSION → 00000000000000010000000a${(path.length + 1).toString(16).padStart(8, "0")}`,
  `C1 CREATE_SESSION path → ${Buffer.from(`${path}\0`).toString("hex")}`,
  `C1 CREATE_SESSION path = ${path}`,
  "C1 CREATE_TRACE_CHUNK → 0000000a"
]

export interface Run {
  readonly transcript: ReadonlyArray<string>
  readonly tree: ReadonlyArray<string>
  /** How the daemon ended when asked to stop; a crash during the script shows here. */
  readonly exit: string
}

export const run = (kind: Relays.Kind, scenario: Scenario, isInMemory = false) =>
  Effect.scoped(
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind, {
        isInMemory,
        ...(scenario.args === undefined ? {} : { args: scenario.args }),
        ...(scenario.env === undefined ? {} : { env: scenario.env }),
        ...(scenario.volumeBytes === undefined ? {} : { volumeBytes: scenario.volumeBytes }),
        ...(scenario.volumeInodes === undefined ? {} : { volumeInodes: scenario.volumeInodes })
      })
      const transcript: Array<string> = []
      yield* Effect.scoped(scenario.script(Script.make(relay, (line) => transcript.push(line))))
      const exit = yield* Process.stopped(relay.process)
      const tree = existsSync(relay.output) ? Tree.read(relay.output) : []
      const result: Run = { transcript, tree, exit }
      return result
    })
  )

/** Ours with its files on a disk, ours with its files in memory, and the reference. */
export const runAll = (scenario: Scenario) =>
  Effect.all(
    {
      onDisk: run(Relays.underTest, scenario),
      inMemory: run(Relays.underTest, scenario, true),
      reference: run("reference", scenario)
    },
    { concurrency: "unbounded" }
  )

/** Lines that say a step waited for something that never came: a scenario with one proves nothing. */
export const stuck = (run: Run): ReadonlyArray<string> =>
  run.transcript.filter((line) => /in vain|is not gone|still open|silent$/.test(line))
