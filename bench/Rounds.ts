/**
 * Runs cases against every relay in turn, and says after each what came of it. Nothing here decides what is good:
 * floors are data of the cases.
 */
import * as os from "node:os"
import * as path from "node:path"
import { Effect } from "effect"
import type { Bench } from "./Bench.ts"
import type * as Case from "./Case.ts"
import * as Disk from "./Disk.ts"
import * as Edge from "./Edge.ts"
import * as Generator from "./Generator.ts"
import * as Link from "./Link.ts"
import * as Measure from "./Measure.ts"
import type { Measurement } from "./Measurement.ts"
import * as Place from "./Place.ts"
import * as Progress from "./Progress.ts"
import * as Relay from "./Relay.ts"
import * as Secured from "./Secured.ts"
import * as Summary from "./Summary.ts"
import * as Tracer from "./Tracer.ts"

export interface Settings {
  readonly cases: ReadonlyArray<Case.Case>
  readonly kinds: ReadonlyArray<Relay.Kind>
  readonly others: Relay.Others
  readonly rounds: number
  readonly generator: Generator.Kind
  /** Where relays write. */
  readonly output: string
  /** Where the report goes. */
  readonly out: string
  readonly linkBy: Link.Way | undefined
  readonly diskBy: Disk.Way
  readonly smoke: boolean
}

/** Why this relay has no place in this case; undefined when it has. */
const obstacle = (
  whole: Case.Case,
  kind: Relay.Kind,
  settings: Settings,
  made: Generator.Generator
): string | undefined => {
  const { diskBy, generator, linkBy, others } = settings
  const isPlain = whole.groups.every(({ role, rate }) => role === "produce" && rate === undefined)
  const { disks = [], flood, link, tls } = whole
  const reasons = [
    generator === "threads" && (whole.groups.length === 0 || !isPlain)
      ? "the generator with threads only produces, and without a rate"
      : undefined,
    whole.lttng === undefined ? undefined : Tracer.missing(),
    whole.lttng !== undefined && kind === "running" ? "what a relay that runs recorded is not ours to read" : undefined,
    disks.length === 0 ? undefined : Disk.missing(disks, diskBy),
    disks.length > 0 && diskBy === "files" && kind === "reference" ? "slow files are our relay's own" : undefined,
    disks.length > 0 && kind === "running" ? "the disk of a relay that runs already is what it is" : undefined,
    tls === undefined ? undefined : Secured.missing(tls, kind, made),
    flood === undefined ? undefined : Secured.missingOwn(kind),
    whole.edge === true ? Edge.missing(kind) : undefined,
    whole.edge === true && (tls ?? link ?? whole.lttng) !== undefined ? "an edge's way is plain" : undefined,
    tls !== undefined && link !== undefined && linkBy === "kernel" ? "TLS goes through the proxy's network" : undefined,
    link === undefined || linkBy === undefined ? undefined : Link.missing(link, linkBy)
  ]
  const reason = reasons.find((found) => found !== undefined)
  if (reason !== undefined) return `cannot run: ${reason}`
  if (kind === "reference" && whole.oursOnly !== undefined) return whole.oursOnly
  return Relay.missing(kind, others)
}

/** The null relay has no disk and no viewers, and measures the generator once, not the noise. */
const wanted = (whole: Case.Case, kind: Relay.Kind, round: number, { kinds, smoke }: Settings) =>
  kind !== "null" ||
  kinds.length === 1 ||
  (round === 0 &&
    !smoke &&
    whole.disks === undefined &&
    whole.link === undefined &&
    whole.tls === undefined &&
    whole.edge !== true &&
    whole.groups.length > 0 &&
    whole.groups.every(({ role }) => role === "produce"))

const runCase = (whole: Case.Case, settings: Settings, bench: Bench) =>
  Effect.gen(function* () {
    const rounds: Record<Relay.Kind, Array<Measurement>> = { ours: [], reference: [], running: [], null: [] }
    const notes = new Set<string>()
    for (let round = 0; round < settings.rounds; round++) {
      // Who goes first alternates, so that a machine that slows down with time favours nobody.
      const order = round % 2 === 0 ? settings.kinds : [...settings.kinds].reverse()
      for (const kind of order) {
        if (!wanted(whole, kind, round, settings)) continue
        const reason = obstacle(whole, kind, settings, bench.generator)
        if (reason !== undefined) {
          notes.add(`${kind}: ${reason}`)
          continue
        }
        yield* Progress.say(`  ${whole.name} round ${round + 1}/${settings.rounds} ${kind}`)
        const result = yield* Effect.result(Measure.measure(whole, kind, bench))
        if (result._tag === "Success") rounds[kind].push(result.success)
        else notes.add(`${kind}: ${result.failure.message}`)
      }
    }
    return Summary.summarize(whole, rounds, [...notes])
  })

/** Everything of `settings`, with a report that grows case by case: one that is interrupted leaves what it measured. */
export const run = (settings: Settings): Effect.Effect<ReadonlyArray<Summary.CaseResult>, Error> =>
  Effect.scoped(
    Effect.gen(function* () {
      // It brings the pictures' library, which takes longer to load than to say what is wrong with an argument.
      const Report = yield* Effect.promise(() => import("./Report.ts"))
      const { cases, diskBy, kinds, linkBy, others, output, out, rounds } = settings
      const folder = yield* Measure.scratch(os.tmpdir())
      const generator = yield* Generator.build(folder, settings.generator)
      const versions: Partial<Record<Relay.Kind, string>> = {}
      for (const kind of kinds) {
        if (kind !== "null" && Relay.missing(kind, others) === undefined) {
          versions[kind] = yield* Relay.version(kind, others)
        }
      }
      const machine = Report.machine(versions, generator.name, yield* Measure.scratch(Place.memory), output)
      const bench: Bench = { generator, others, place: output, linkBy, diskBy }
      const results: Array<Summary.CaseResult> = []
      for (const whole of cases) {
        const result = yield* runCase(whole, settings, bench)
        results.push(result)
        yield* Progress.say(Report.line(result))
        Report.write(out, machine, rounds, results)
      }
      yield* Progress.print(path.join(out, "report.md"))
      return results
    })
  )
