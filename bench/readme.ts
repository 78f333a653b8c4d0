/**
 * Puts a report's numbers into README.md, between its two `benchmark` marks:
 *
 *     node bench/readme.ts bench/results/TIME/report.json
 *
 * One row a scenario: the measure it shows first, processor time and peak memory; medians, ours beside the reference.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import type { Machine } from "./Report.ts"
import type { CaseResult } from "./Summary.ts"

interface Report {
  readonly machine: Machine
  readonly rounds: number
  readonly results: ReadonlyArray<CaseResult>
}

const begin = "<!-- benchmark -->\n"
const end = "<!-- /benchmark -->"

const number = (value: number | undefined): string => {
  if (value === undefined || !Number.isFinite(value)) return "–"
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(2)))
}

const row = (result: CaseResult): string => {
  const { ours, reference } = result.spreads
  const metric = result.show[0] ?? ""
  const pair = (name: string) => `${number(ours?.[name]?.median)} / ${number(reference?.[name]?.median)}`
  const ratio = result.ratios[metric]
  const share = result.generatorBound.length > 0 ? "generator-bound" : ratio === undefined ? "–" : `${number(ratio)}×`
  const cells = [
    result.title,
    `\`${metric}\``,
    number(ours?.[metric]?.median),
    number(reference?.[metric]?.median),
    share
  ]
  return `| ${[...cells, pair("cpuMicrosPerPacket"), pair("rssPeakMiB")].join(" | ")} |`
}

const section = ({ machine, rounds, results }: Report): string =>
  [
    `Measured by \`npm run bench\` on ${machine.date.slice(0, 10)}: ${machine.processor}, ${machine.processors} processors, ` +
      `${machine.memoryGiB} GiB, ${machine.kernel}, Node ${machine.node}, beside lttng-relayd ` +
      `${machine.versions.reference?.replace(/\.$/, "") ?? "–"}; output in memory, medians of ${rounds} interleaved rounds. ` +
      `One thread writes new files in memory at ${number(machine.freshMBps)} MB/s there.`,
    "",
    "| scenario | measure | ours | reference | ratio | µs per packet, ours / reference | peak MiB, ours / reference |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...results.map(row),
    "",
    "[bench/README.md](bench/README.md) has the method, what was tried, and what is not measured.",
    ""
  ].join("\n")

const report = JSON.parse(fs.readFileSync(process.argv[2] ?? "", "utf8")) as Report
const readme = path.join(path.dirname(import.meta.dirname), "README.md")
const text = fs.readFileSync(readme, "utf8")
const [before, rest] = text.split(begin)
const after = rest?.slice(rest.indexOf(end))
if (before === undefined || after === undefined) throw new Error("README.md has no benchmark marks")
fs.writeFileSync(readme, before + begin + section(report) + after)
