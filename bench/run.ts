/**
 * `npm run bench -- [options] [scenario…]`: runs scenarios against ours and the reference in turn and writes a report.
 *
 * A scenario argument selects every case whose name contains it. Nothing here decides what is good: floors are data
 * of the cases, and a missed floor is a line in the report, not an exit code.
 */

import * as os from "node:os"
import * as path from "node:path"
import { parseArgs } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"
import * as Case from "./Case.ts"
import * as Decode from "./Decode.ts"
import * as Disk from "./Disk.ts"
import * as Generator from "./Generator.ts"
import * as Lttng from "./Lttng.ts"
import * as Measure from "./Measure.ts"
import type { Measurement } from "./Measurement.ts"
import type * as Process from "./Process.ts"
import * as Relay from "./Relay.ts"
import * as Report from "./Report.ts"
import * as Summary from "./Summary.ts"

const usage = `usage: npm run bench -- [--rounds N] [--seconds S] [--only ours|reference] [--generator loop|threads]
       [--output DIR] [--out DIR] [--smoke] [--list] [scenario...]`

interface Settings {
  readonly cases: ReadonlyArray<Case.Case>
  readonly kinds: ReadonlyArray<Relay.Kind>
  readonly rounds: number
  readonly generator: Generator.Kind
  /** Where relays write. */
  readonly output: string
  readonly out: string
  readonly smoke: boolean
}

const say = (text: string) => Effect.sync(() => process.stderr.write(`${text}\n`))

const settingsFrom = (args: ReadonlyArray<string>): Settings | undefined => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      seconds: { type: "string" },
      only: { type: "string" },
      generator: { type: "string", default: "loop" },
      output: { type: "string", default: Measure.memoryFolder },
      out: { type: "string" },
      smoke: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false }
    }
  })
  const chosen = Case.loadAll().filter(
    ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part))
  )
  if (values.help || values.list || chosen.length === 0) {
    const lines = Case.loadAll().map(({ name, title }) => `  ${name.padEnd(28)}${title}`)
    process.stdout.write(`${[usage, ...lines].join("\n")}\n`)
    return undefined
  }
  const seconds = values.seconds === undefined ? undefined : Number(values.seconds)
  const scaled = seconds === undefined ? chosen : chosen.map((whole) => ({ ...whole, seconds }))
  const stamp = new Date().toISOString().replace(/[:.]/g, "-")
  return {
    cases: values.smoke ? scaled.map(Case.tiny) : scaled,
    kinds: Relay.kinds.filter((kind) => values.only === undefined || kind === values.only),
    generator: values.generator === "threads" ? "threads" : "loop",
    output: path.resolve(values.output),
    rounds: values.smoke ? 1 : Number(values.rounds ?? 3),
    out: path.resolve(values.out ?? path.join(import.meta.dirname, "results", stamp)),
    smoke: values.smoke
  }
}

/** Why this relay has no place in this case; undefined when it has. */
const obstacle = (whole: Case.Case, kind: Relay.Kind, generator: Generator.Kind): string | undefined => {
  const isPlain = whole.groups.every(({ role, rate }) => role === "produce" && rate === undefined)
  if (generator === "threads" && (whole.groups.length === 0 || !isPlain)) {
    return "cannot run: the generator with threads only produces, and without a rate"
  }
  if (whole.disks !== undefined && Disk.missing() !== undefined) return `cannot run: ${Disk.missing()}`
  if (whole.lttng !== undefined && Lttng.missing() !== undefined) return `cannot run: ${Lttng.missing()}`
  if (kind === "reference" && whole.oursOnly !== undefined) return whole.oursOnly
  return Relay.missing(kind)
}

/** The null relay has no disk and no viewers, and measures the generator once, not the noise. */
const wanted = (whole: Case.Case, kind: Relay.Kind, round: number, smoke: boolean) =>
  kind !== "null" ||
  (round === 0 &&
    !smoke &&
    whole.disks === undefined &&
    whole.groups.length > 0 &&
    whole.groups.every(({ role }) => role === "produce"))

const runCase = (whole: Case.Case, settings: Settings, generator: Generator.Generator) =>
  Effect.gen(function* () {
    const rounds: Record<Relay.Kind, Array<Measurement>> = { ours: [], reference: [], null: [] }
    const notes = new Set<string>()
    for (let round = 0; round < settings.rounds; round++) {
      // Who goes first alternates, so that a machine that slows down with time favours nobody.
      const order = round % 2 === 0 ? settings.kinds : [...settings.kinds].reverse()
      for (const kind of order) {
        const reason = obstacle(whole, kind, settings.generator)
        if (reason !== undefined) {
          notes.add(`${kind}: ${reason}`)
          continue
        }
        if (!wanted(whole, kind, round, settings.smoke)) continue
        yield* say(`  ${whole.name} round ${round + 1}/${settings.rounds} ${kind}`)
        const result = yield* Effect.result(Measure.measure(whole, kind, generator, settings.output))
        if (result._tag === "Success") rounds[kind].push(result.success)
        else notes.add(`${kind}: ${result.failure.message}`)
      }
    }
    return Summary.summarize(whole, rounds, [...notes])
  })

const program: Effect.Effect<void, Process.CannotRun> = Effect.scoped(
  Effect.gen(function* () {
    const settings = settingsFrom(process.argv.slice(2))
    if (settings === undefined) return
    const folder = yield* Measure.scratch(os.tmpdir())
    const generator = yield* Generator.build(folder, settings.generator)
    const versions: Partial<Record<Relay.Kind, string>> = {}
    for (const kind of settings.kinds) {
      if (kind !== "null" && Relay.missing(kind) === undefined) versions[kind] = yield* Relay.version(kind)
    }
    const memory = yield* Measure.scratch(Measure.memoryFolder)
    const machine = Report.machine(versions, generator.name, memory)
    const results: Array<Summary.CaseResult> = []
    for (const whole of settings.cases) {
      const result = yield* runCase(whole, settings, generator)
      results.push(result)
      yield* say(Report.line(result))
      // After every case, so that an interrupted session leaves what it measured.
      Report.write(settings.out, machine, settings.rounds, results)
    }
    process.stdout.write(`${path.join(settings.out, "report.md")}\n`)
  })
)

// No relay takes part in it.
const [scenario, ...rest] = process.argv.slice(2)
if (scenario === "decode") Decode.run(rest, 3)
else NodeRuntime.runMain(program)
