/**
 * From the rounds of a case to what the report says: medians, spread, ratios and floors. Pure.
 *
 * A ratio compares medians. It is refused when the generator, not the relay, set the pace: the relay took at least
 * nine tenths of what the null relay takes while the generator's own processor time was nearly used up.
 */
import type { Case, Floor } from "./Case.ts"
import * as Cases from "./Cases.ts"
import type { Measurement, Metrics } from "./Measurement.ts"
import * as Metric from "./Metric.ts"
import type { Kind } from "./Relay.ts"

const boundShare = 0.9
const generatorBusyShare = 0.75

export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

export interface FloorResult {
  readonly floor: Floor
  readonly value: number | undefined
  readonly verdict: "pass" | "fail" | "not measured" | "generator-bound"
}

export interface CaseResult {
  readonly name: string
  readonly title: string
  readonly show: ReadonlyArray<string>
  /** Of all that was measured. */
  readonly metrics: Readonly<Record<string, Metric.Metric>>
  /** Something happens in the middle of the run, so its course in time is worth a picture. */
  readonly timed: boolean
  /** When what `troubleIs` says, in seconds. */
  readonly troubles: ReadonlyArray<readonly [number, number]>
  readonly troubleIs: string
  readonly rounds: Partial<Record<Kind, ReadonlyArray<Measurement>>>
  readonly spreads: Partial<Record<Kind, Record<string, Spread>>>
  readonly ratios: Metrics
  readonly generatorBound: ReadonlyArray<Kind>
  readonly floors: ReadonlyArray<FloorResult>
  /** Why a relay, or the whole case, has no numbers; and what went wrong where it has. */
  readonly notes: ReadonlyArray<string>
}

export const spread = (values: ReadonlyArray<number>): Spread => {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? Number.NaN
  const lower = sorted[Math.ceil(middle) - 1] ?? Number.NaN
  return { median: (upper + lower) / 2, least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN }
}

const spreadsOf = (rounds: ReadonlyArray<Measurement>): Record<string, Spread> => {
  const names = new Set(rounds.flatMap((round) => Object.keys(round.metrics)))
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      spread(rounds.flatMap((round) => round.metrics[name] ?? []).filter(Number.isFinite))
    ])
  )
}

const isBound = (whole: Case, own: Record<string, Spread>, sink: Record<string, Spread> | undefined) => {
  const rate = `${whole.groups.find((group) => group.role === "produce")?.label}.packetsPerSecond`
  const delivered = own[rate]?.median ?? 0
  const possible = sink?.[rate]?.median ?? Number.POSITIVE_INFINITY
  return delivered >= boundShare * possible && (own.generatorCpuShare?.median ?? 0) >= generatorBusyShare
}

/** A run with errors passes nothing: what a relay does after losing sessions is not what was asked. */
const judge = (floor: Floor, value: number | undefined, bound: boolean, broken: boolean): FloorResult => {
  if (value === undefined || !Number.isFinite(value)) return { floor, value: undefined, verdict: "not measured" }
  if (broken) return { floor, value, verdict: "fail" }
  const good =
    value >= (floor.atLeast ?? Number.NEGATIVE_INFINITY) && value <= (floor.atMost ?? Number.POSITIVE_INFINITY)
  if (!good && bound && floor.of === "ratio") return { floor, value, verdict: "generator-bound" }
  return { floor, value, verdict: good ? "pass" : "fail" }
}

export const summarize = (
  whole: Case,
  rounds: Partial<Record<Kind, ReadonlyArray<Measurement>>>,
  notes: ReadonlyArray<string>
): CaseResult => {
  const spreads: Partial<Record<Kind, Record<string, Spread>>> = {}
  for (const [kind, list] of Object.entries(rounds)) if (list.length > 0) spreads[kind as Kind] = spreadsOf(list)
  const { reference } = spreads
  const contender = spreads.ours === undefined && spreads.running !== undefined ? "running" : "ours"
  const ours = spreads[contender]
  const troubles = Cases.troubles(whole)
  const ratios: Metrics = {}
  for (const [name, own] of Object.entries(ours ?? {})) {
    const other = reference?.[name]?.median
    if (other !== undefined && other > 0) ratios[name] = own.median / other
  }
  const generatorBound = (["ours", "reference", "running"] as const).filter((kind) => {
    const own = spreads[kind]
    return own !== undefined && isBound(whole, own, spreads.null)
  })
  const errors = Object.entries(rounds).flatMap(([kind, list]) =>
    list.flatMap((round) => round.errors.map((error) => `${kind}: ${error}`))
  )
  return {
    name: whole.name,
    title: whole.title,
    show: whole.show,
    metrics: Object.fromEntries(Metric.of(whole)),
    troubles: troubles.intervals,
    troubleIs: troubles.are,
    timed:
      whole.disks !== undefined ||
      whole.link !== undefined ||
      whole.groups.some((group) => group.windowMs !== undefined),
    rounds,
    spreads,
    ratios,
    generatorBound,
    floors: whole.floors.map((floor) =>
      judge(
        floor,
        floor.of === "ratio" ? ratios[floor.metric] : ours?.[floor.metric]?.median,
        generatorBound.length > 0,
        rounds[contender]?.some((round) => round.errors.length > 0) ?? false
      )
    ),
    notes: [...new Set([...notes, ...errors])]
  }
}
