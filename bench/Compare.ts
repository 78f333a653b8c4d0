/** `bench compare A B`: two reports beside each other, metric by metric. */
import * as fs from "node:fs"
import * as path from "node:path"
import { Schema } from "effect"
import { Misused } from "../src/cli/Misused.ts"
import { oneLine } from "../src/errors/Harmless.ts"
import * as SystemError from "../src/errors/SystemError.ts"
import * as Text from "./Text.ts"

const Spread = Schema.Struct({
  median: Schema.NullOr(Schema.Finite),
  least: Schema.NullOr(Schema.Finite),
  most: Schema.NullOr(Schema.Finite)
})
type Spread = typeof Spread.Type

/** As much of a report as is compared. */
const Report = Schema.Struct({
  machine: Schema.Struct({
    processor: Schema.String,
    processors: Schema.Finite,
    kernel: Schema.String,
    node: Schema.String,
    generator: Schema.String,
    output: Schema.optionalKey(Schema.String)
  }),
  rounds: Schema.Finite,
  results: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      show: Schema.Array(Schema.String),
      metrics: Schema.optionalKey(
        Schema.Record(
          Schema.String,
          Schema.Struct({
            says: Schema.String,
            unit: Schema.String,
            better: Schema.optionalKey(Schema.Literals(["more", "less"]))
          })
        )
      ),
      spreads: Schema.Record(Schema.String, Schema.Record(Schema.String, Spread))
    })
  )
})
type Report = typeof Report.Type
type Result = Report["results"][number]

const decode = Schema.decodeUnknownSync(Report)

/** A report's directory, or its `report.json`. Throws `Misused` for what is none. */
export const read = (place: string): Report => {
  const file = place.endsWith(".json") ? place : path.join(place, "report.json")
  try {
    return decode(JSON.parse(fs.readFileSync(file, "utf8")))
  } catch (cause) {
    throw new Misused(`${file}: ${oneLine(SystemError.reasonOf(cause))}`)
  }
}

interface Known {
  readonly median: number
  readonly least: number
  readonly most: number
}

const known = (spread: Spread | undefined): Known | undefined =>
  spread?.median == null || spread.least === null || spread.most === null
    ? undefined
    : { median: spread.median, least: spread.least, most: spread.most }

/** Rounds of both that overlap may be the same number. */
const verdict = (before: Known, after: Known, better: "more" | "less" | undefined, rounds: number): string => {
  if (rounds < 3) return "too few rounds"
  if (before.least <= after.most && after.least <= before.most) return "within the spread"
  if (better === undefined) return "differs"
  return after.median > before.median === (better === "more") ? "**better**" : "**worse**"
}

const costs = ["cpuSecondsPerGB", "cpuMicrosPerPacket", "rssPeakMiB", "rssMedianMiB", "rssIdleMiB", "startMs"]

const text = ({ least, median, most }: Known) =>
  least === most ? Text.number(median) : `${Text.number(median)} (${Text.number(least)}–${Text.number(most)})`

const rowsOf = (before: Result, after: Result, rounds: number): ReadonlyArray<string> => {
  const names = [...new Set([...after.show, ...before.show, ...costs])]
  return Object.keys(after.spreads).flatMap((kind) =>
    names.flatMap((name) => {
      const [own, other] = [known(before.spreads[kind]?.[name]), known(after.spreads[kind]?.[name])]
      if (own === undefined || other === undefined) return []
      const ratio = own.median === 0 ? "–" : `${Text.number(other.median / own.median)}×`
      const said = verdict(own, other, after.metrics?.[name]?.better, rounds)
      const unit = after.metrics?.[name]?.unit ?? ""
      const what = `${kind} \`${name}\`${unit === "" ? "" : `, ${unit}`}`
      return [`| ${what} | ${text(own)} | ${text(other)} | ${ratio} | ${said} |`]
    })
  )
}

/** What makes a comparison unfair. */
const differences = (before: Report, after: Report): ReadonlyArray<string> => {
  const names = ["processor", "processors", "kernel", "node", "generator", "output"] as const
  return names.flatMap((name) => {
    const [one, other] = [before.machine[name], after.machine[name]]
    return one === other ? [] : [`- not alike: ${name} ${one ?? "unknown"}, then ${other ?? "unknown"}`]
  })
}

export const compare = (before: Report, after: Report): string => {
  const rounds = Math.min(before.rounds, after.rounds)
  const sections = after.results.flatMap((result) => {
    const earlier = before.results.find(({ name }) => name === result.name)
    const rows = earlier === undefined ? [] : rowsOf(earlier, result, rounds)
    if (rows.length === 0) return []
    return ["", `## ${result.name}`, "", "| | before | after | | |", "| --- | ---: | ---: | ---: | --- |", ...rows]
  })
  const notes = differences(before, after)
  const none = sections.length === 0 ? ["", "No case is in both."] : []
  return ["# Before and after", ...(notes.length === 0 ? [] : ["", ...notes]), ...none, ...sections].join("\n")
}
