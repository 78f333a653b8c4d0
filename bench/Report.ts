/**
 * Writes what was measured: `report.json` with everything, `report.md` with tables, and its pictures beside it.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Chart from "./Chart.ts"
import * as Congestion from "./Congestion.ts"
import type { Metric } from "./Metric.ts"
import type { Kind } from "./Relay.ts"
import type { CaseResult, FloorResult, Spread } from "./Summary.ts"
import * as Text from "./Text.ts"
import * as Volume from "./Volume.ts"

export interface Machine {
  readonly processor: string
  readonly processors: number
  readonly memoryGiB: number
  readonly kernel: string
  /** Congestion control on loopback. */
  readonly tcp: string
  readonly node: string
  readonly loadBefore: number
  readonly date: string
  readonly generator: string
  /** What relays write to. */
  readonly output: string
  /** One thread writing new files in memory: what no relay with one writing thread can exceed. */
  readonly freshMBps: number
  readonly versions: Partial<Record<Kind, string>>
}

const freshBytes = 256 * 2 ** 20

const freshMBps = (folder: string): number => {
  const block = Buffer.alloc(2 ** 20, 1)
  const file = path.join(folder, "fresh")
  const from = performance.now()
  const handle = fs.openSync(file, "w")
  for (let written = 0; written < freshBytes; written += block.length) fs.writeSync(handle, block)
  fs.closeSync(handle)
  const seconds = (performance.now() - from) / 1000
  fs.rmSync(file)
  return freshBytes / 1e6 / seconds
}

export const machine = (
  versions: Partial<Record<Kind, string>>,
  generator: string,
  memoryFolder: string,
  output: string
): Machine => ({
  processor: os.cpus()[0]?.model.trim() ?? "unknown",
  processors: os.cpus().length,
  memoryGiB: Math.round(os.totalmem() / 2 ** 30),
  kernel: `${os.type()} ${os.release()}`,
  tcp: Congestion.current(),
  node: process.version,
  loadBefore: os.loadavg()[0] ?? 0,
  date: new Date().toISOString(),
  generator,
  output: Volume.describe(output),
  freshMBps: freshMBps(memoryFolder),
  versions
})

const { number } = Text

const withSpread = (spread: Spread | undefined) => {
  if (spread === undefined || !Number.isFinite(spread.median)) return "–"
  const same = spread.least === spread.most
  return same ? number(spread.median) : `${number(spread.median)} (${number(spread.least)}–${number(spread.most)})`
}

const limitText = (floor: FloorResult["floor"]) => {
  const unit = floor.of === "ratio" ? "×" : ""
  const limits = [
    ...(floor.atLeast === undefined ? [] : [`≥ ${floor.atLeast}${unit}`]),
    ...(floor.atMost === undefined ? [] : [`≤ ${floor.atMost}${unit}`])
  ]
  return limits.join(" and ")
}

const floorText = ({ floor, value, verdict }: FloorResult) => {
  const unit = floor.of === "ratio" ? "×" : ""
  const measured = value === undefined ? "" : `: ${number(value)}${unit}`
  return `- ${verdict === "fail" ? "**fail**" : verdict}: \`${floor.metric}\` ${limitText(floor)}${measured}`
}

/** Costs are shown for every case: a throughput bought with memory is not the same throughput. */
const always = [
  ...["cpuSecondsPerGB", "cpuMicrosPerPacket", "rssPeakMiB", "rssMedianMiB", "rssIdleMiB", "startMs"],
  ...["writebackMB", "linkCpuShare", "foreignCpuShare", "stolenCpuShare"]
]

/** What a group did is shown for every group, whatever the case is about. */
const ofEveryGroup = ["MBps", "packetsPerSecond", "p50Ms", "p99Ms", "maxMs"]

const busyShare = 0.25

const relays = ["ours", "reference", "running"] as const

const disturbance = (result: CaseResult): ReadonlyArray<string> =>
  relays.flatMap((kind) => {
    const share = result.spreads[kind]?.foreignCpuShare?.median ?? 0
    return share > busyShare
      ? [`- **disturbed**: other processes used ${number(share)} of the processors while ${Text.relay(kind)} ran`]
      : []
  })

const arrow = ({ better }: Metric): string => (better === undefined ? "" : better === "more" ? " ↑" : " ↓")

const rowName = (name: string, metric: Metric | undefined): string => {
  if (metric === undefined) return `\`${name}\``
  return `\`${name}\`${arrow(metric)} ${metric.says}${metric.unit === "" ? "" : `, ${metric.unit}`}`
}

const table = (result: CaseResult): ReadonlyArray<string> => {
  const kinds = ([...relays, "null"] as const).filter((kind) => result.spreads[kind] !== undefined)
  const ofGroups = Object.keys(result.metrics).filter((name) => ofEveryGroup.includes(name.replace(/^.*\./, "")))
  const names = [...new Set([...result.show, ...ofGroups, ...always])].filter((name) =>
    kinds.some((kind) => Number.isFinite(result.spreads[kind]?.[name]?.median))
  )
  if (names.length === 0) return ["No numbers."]
  const hasRatio = result.spreads.ours !== undefined && result.spreads.reference !== undefined
  const row = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
  return [
    row(["↑ more, ↓ less is better", ...kinds.map(Text.relay), ...(hasRatio ? ["ours / lttng-relayd"] : [])]),
    row(["---", ...kinds.map(() => "---:"), ...(hasRatio ? ["---:"] : [])]),
    ...names.map((name) => {
      const ratio = result.ratios[name]
      const cells = kinds.map((kind) => withSpread(result.spreads[kind]?.[name]))
      const last = hasRatio ? [ratio === undefined ? "–" : `${number(ratio)}×`] : []
      return row([rowName(name, result.metrics[name]), ...cells, ...last])
    })
  ]
}

const section = (result: CaseResult, pictures: ReadonlyArray<string>): string =>
  [
    `## ${result.title}`,
    "",
    `\`${result.name}\``,
    "",
    ...table(result),
    "",
    ...result.floors.map(floorText),
    ...result.generatorBound.map((kind) => `- generator-bound: ${kind} took all that the generator can send`),
    ...disturbance(result),
    ...result.notes.map((note) => `- note: ${note}`),
    "",
    ...pictures.map((file) => `![${result.title}](${file})`),
    ""
  ].join("\n")

/** Of all runs: one that lost more than the others says less. */
const stolen = (results: ReadonlyArray<CaseResult>): string => {
  const spreads = results.flatMap(({ spreads: of }) => relays.map((kind) => of[kind]?.stolenCpuShare))
  const found = spreads.filter((spread) => spread !== undefined)
  if (found.length === 0) return ""
  const [least, most] = [Math.min(...found.map((one) => one.least)), Math.max(...found.map((one) => one.most))]
  return ` The machine's host took ${number(least)} to ${number(most)} processors during a run.`
}

const heading = (info: Machine, rounds: number, results: ReadonlyArray<CaseResult>): string =>
  [
    "# Benchmark report",
    "",
    `${info.date}, ${info.processor}, ${info.processors} processors, ${info.memoryGiB} GiB, ${info.kernel}, loopback TCP by ${info.tcp}, ` +
      `Node ${info.node}. Load average before: ${info.loadBefore.toFixed(2)}. ` +
      `Output: ${info.output}. One thread writes new files in memory at ${number(info.freshMBps)} MB/s.${stolen(results)}`,
    "",
    `Ours: ${info.versions.ours ?? "–"}. Reference: lttng-relayd ${info.versions.reference ?? "–"}. ` +
      `${rounds} round(s), relays interleaved; median (least–most). Load by ${info.generator}.`,
    ""
  ].join("\n")

const floorTable = (results: ReadonlyArray<CaseResult>): string =>
  [
    "## Floors",
    "",
    "| case | metric | floor | measured | verdict |",
    "| --- | --- | --- | --- | --- |",
    ...results.flatMap(({ name, floors }) =>
      floors.map(({ floor, value, verdict }) => {
        const unit = floor.of === "ratio" ? "×" : ""
        const measured = value === undefined ? "–" : `${number(value)}${unit}`
        return `| ${name} | ${floor.metric} | ${limitText(floor)} | ${measured} | ${verdict} |`
      })
    ),
    ""
  ].join("\n")

/** Returns the path of the Markdown report. */
export const write = (folder: string, info: Machine, rounds: number, results: ReadonlyArray<CaseResult>): string => {
  fs.mkdirSync(folder, { recursive: true })
  const picture = (name: string, svg: string | undefined): ReadonlyArray<string> => {
    if (svg === undefined) return []
    fs.writeFileSync(path.join(folder, `${name}.svg`), svg)
    return [`${name}.svg`]
  }
  const sections = results.map((result) =>
    section(result, [
      ...picture(result.name, Chart.bars(result)),
      ...(result.timed ? picture(`${result.name}-timeline`, Chart.timeline(result)) : []),
      ...picture(`${result.name}-memory`, Chart.memory(result))
    ])
  )
  const overview = picture("overview", Chart.overview(results)).map((file) => `![overview](${file})\n`)
  const report = path.join(folder, "report.md")
  fs.writeFileSync(report, [heading(info, rounds, results), floorTable(results), ...overview, ...sections].join("\n"))
  fs.writeFileSync(path.join(folder, "report.json"), JSON.stringify({ machine: info, rounds, results }, null, 2))
  return report
}

/** One line for the terminal. */
export const line = (result: CaseResult): string => {
  const metric = result.show[0] ?? ""
  const cells = ([...relays, "null"] as const)
    .filter((kind) => result.spreads[kind] !== undefined)
    .map((kind) => `${kind} ${withSpread(result.spreads[kind]?.[metric])}`)
  const ratio = result.ratios[metric]
  const floors = result.floors.map((floor) => `${floor.verdict} ${floor.floor.metric}`)
  return [
    `${result.name}: ${metric}`,
    ...cells,
    ratio === undefined ? "" : `${number(ratio)}×`,
    ...floors,
    ...result.notes
  ]
    .filter((part) => part !== "")
    .join(" | ")
}
