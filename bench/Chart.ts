/**
 * The report's pictures: SVG text from numbers, without a browser. One colour for each relay in all of them, units and
 * thousands at every axis, and always which way is better.
 */
import { BarChart, CustomChart, LineChart, ScatterChart } from "echarts/charts"
import {
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TitleComponent
} from "echarts/components"
import * as echarts from "echarts/core"
import { SVGRenderer } from "echarts/renderers"
import type { Metric } from "./Metric.ts"
import type { Kind } from "./Relay.ts"
import type { CaseResult } from "./Summary.ts"
import * as Text from "./Text.ts"

echarts.use([
  ...[BarChart, CustomChart, LineChart, ScatterChart, SVGRenderer],
  ...[GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent, TitleComponent]
])

/** Told apart by everybody, and in grey print: blue is darker than orange. */
const colours: Readonly<Record<Kind, string>> = {
  ours: "#1d4ed8",
  reference: "#f59e0b",
  running: "#0f766e",
  null: "#9ca3af"
}
const ink = "#111827"
const faint = "#e5e7eb"
const trouble = "#fecaca"
const width = 800
const font = { fontFamily: "sans-serif", color: ink }

const render = (height: number, option: echarts.EChartsCoreOption): string => {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height })
  chart.setOption({ animation: false, backgroundColor: "#ffffff", textStyle: font, ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

/** Titles are sentences; the picture is as wide as it is. */
const titled = (title: string, subtitle: string) => ({
  text: title,
  subtext: subtitle,
  left: 12,
  top: 8,
  textStyle: { ...font, fontSize: 15, width: width - 24, overflow: "break" },
  subtextStyle: { color: "#4b5563", fontSize: 13 }
})

const lineLength = 100
const titleHeight = (title: string): number => 20 * Math.ceil(title.length / lineLength)

const axis = { axisLine: { lineStyle: { color: ink } }, splitLine: { lineStyle: { color: faint } } }
const label = (value: number) => Text.number(value)

const describe = ({ says, unit }: Metric) => (unit === "" ? says : `${says}, ${unit}`)
const direction = ({ better }: Metric, right: string, left: string): string => {
  if (better === undefined) return ""
  return better === "more" ? ` — more is better ${right}` : ` — less is better ${left}`
}

const shownKinds = ["ours", "reference", "running", "null"] as const

/** Median as a bar, every round as a dot. Only the case's first metric: a picture answers one question. */
export const bars = (result: CaseResult): string | undefined => {
  const name = result.show[0] ?? ""
  const metric = result.metrics[name]
  const kinds = shownKinds.filter((kind) => Number.isFinite(result.spreads[kind]?.[name]?.median))
  if (metric === undefined || kinds.length === 0) return undefined
  const top = 46 + titleHeight(result.title)
  return render(top + 34 + 40 * kinds.length, {
    title: titled(result.title, `${describe(metric)}${direction(metric, "→", "←")}`),
    grid: { left: 110, right: 90, top, bottom: 30 },
    xAxis: { type: "value", min: 0, ...axis, axisLabel: { formatter: label } },
    yAxis: { type: "category", inverse: true, data: kinds.map(Text.relay), axisTick: { show: false } },
    series: [
      {
        type: "bar",
        barWidth: 20,
        data: kinds.map((kind) => ({
          value: result.spreads[kind]?.[name]?.median ?? 0,
          itemStyle: { color: colours[kind] }
        })),
        label: {
          show: true,
          position: "right",
          distance: 12,
          formatter: ({ value }: { value: number }) => label(value)
        }
      },
      {
        type: "scatter",
        symbolSize: 7,
        itemStyle: { color: "#ffffff", borderColor: ink, borderWidth: 1.5 },
        data: kinds.flatMap((kind, row) => (result.rounds[kind] ?? []).map((round) => [round.metrics[name] ?? 0, row]))
      }
    ]
  })
}

interface Line {
  readonly name: string
  readonly colour: string
  readonly dash: "solid" | "dashed" | "dotted"
  readonly points: ReadonlyArray<readonly [seconds: number, value: number | null]>
}

/** More cannot be told apart: those beyond are one band, from the least to the most of them. */
const lineCountMax = 5
const dashes = ["solid", "dashed", "dotted"] as const

type Extent = readonly [seconds: number, least: number, most: number]

/** From the least to the most of all lines; parted where none of them has anything. */
const partsOf = (lines: ReadonlyArray<Line>): ReadonlyArray<ReadonlyArray<Extent>> => {
  const length = Math.max(0, ...lines.map(({ points }) => points.length))
  const parts: Array<Array<Extent>> = [[]]
  for (let at = 0; at < length; at++) {
    const found = lines.flatMap(({ points }) => points[at]?.[1] ?? [])
    if (found.length > 0) parts.at(-1)?.push([at / 10, Math.min(...found), Math.max(...found)])
    else if (parts.at(-1)?.length !== 0) parts.push([])
  }
  return parts.filter((part) => part.length > 0)
}

interface Pen {
  readonly coord: (point: readonly [number, number]) => readonly [number, number]
}

/** A moment by itself is a tenth of a second wide. */
const outline = (part: ReadonlyArray<Extent>, { coord }: Pen) => {
  const wide =
    part.length > 1
      ? part
      : part.flatMap(
          ([at, least, most]) =>
            [
              [at, least, most],
              [at + 0.1, least, most]
            ] as const
        )
  const [below, above] = [wide.map(([at, least]) => coord([at, least])), wide.map(([at, , most]) => coord([at, most]))]
  return [...below, ...above.reverse()]
}

const band = (name: string, colour: string, lines: ReadonlyArray<Line>) => {
  const parts = partsOf(lines)
  return {
    name,
    type: "custom",
    itemStyle: { color: colour, opacity: 0.3 },
    data: parts.map(([first], index) => [first?.[0] ?? 0, first?.[1] ?? 1, index]),
    renderItem: ({ dataIndex }: { dataIndex: number }, pen: Pen) => ({
      type: "polygon",
      shape: { points: outline(parts[dataIndex] ?? [], pen) },
      style: { fill: colour, opacity: 0.3, stroke: colour, lineWidth: 1 }
    })
  }
}

const series = ({ colour, dash, name, points }: Line) => ({
  name,
  type: "line",
  symbol: "none",
  lineStyle: { color: colour, type: dash, width: 2 },
  itemStyle: { color: colour },
  data: points.map((point, at) => (isAlone(points, at) ? { value: point, symbol: "circle", symbolSize: 5 } : point))
})

/** A line through one point is none. */
const isAlone = (points: Line["points"], at: number): boolean =>
  points[at]?.[1] !== null && typeof points[at - 1]?.[1] !== "number" && typeof points[at + 1]?.[1] !== "number"

const shaded = (result: CaseResult) => ({
  type: "line",
  data: [],
  markArea: {
    silent: true,
    itemStyle: { color: trouble, opacity: 0.6 },
    label: { show: false },
    data: result.troubles.map(([from, to]) => [{ xAxis: from }, { xAxis: to }])
  }
})

const lastSecond = (lines: ReadonlyArray<Line>): number =>
  Math.max(0.1, ...lines.map(({ points }) => points.findLast(([, value]) => value !== null)?.[0] ?? 0))

const overTime = (
  result: CaseResult,
  subtitle: string,
  lines: ReadonlyArray<Line>,
  bands: ReadonlyArray<object>,
  bandNames: ReadonlyArray<string>,
  end: number,
  yAxis: object
): string => {
  const title = result.title
  const top = 54 + titleHeight(title)
  const note = result.troubles.length === 0 ? "" : `; shaded: ${result.troubleIs}`
  return render(top + 300, {
    title: titled(title, `${subtitle}${note}`),
    legend: {
      orient: "vertical",
      left: 604,
      top,
      align: "left",
      data: [...lines.map(({ name }) => ({ name })), ...bandNames.map((name) => ({ name, icon: "rect" }))],
      textStyle: { ...font, width: 140, overflow: "break" },
      itemWidth: 34
    },
    grid: { left: 70, right: 210, top, bottom: 44 },
    xAxis: {
      type: "value",
      name: "seconds",
      nameLocation: "middle",
      nameGap: 26,
      min: 0,
      max: end,
      ...axis,
      axisLabel: { formatter: (value: number) => (value % 1 === 0 || end < 3 ? label(value) : "") }
    },
    yAxis: { ...axis, ...yAxis },
    series: [shaded(result), ...bands, ...lines.map(series)]
  })
}

const isOneOfMany = (name: string) => /-\d+$/.test(name)

/** Worst answer time per tenth of a second, first round: what a stall looks like from every group. */
export const timeline = (result: CaseResult): string | undefined => {
  const kinds = shownKinds.filter((kind) => kind !== "null" && (result.rounds[kind]?.length ?? 0) > 0)
  const all = kinds.flatMap((kind) =>
    Object.entries(result.rounds[kind]?.[0]?.timelines ?? {}).map(([name, buckets]) => ({ kind, name, buckets }))
  )
  const lineOf = ({ buckets, kind, name }: (typeof all)[number], index: number): Line => ({
    name: `${Text.relay(kind)}: ${name}`,
    colour: colours[kind],
    dash: dashes[index % dashes.length] ?? "solid",
    // A logarithmic axis has no place for a tenth of a second without answers.
    points: buckets.map(([packets, worst], at) => [at / 10, packets === 0 ? null : Math.max(worst, 1) / 1000] as const)
  })
  const perKind = Math.max(1, Math.floor(lineCountMax / Math.max(1, kinds.length)))
  const singled = kinds.flatMap((kind) => {
    const own = all.filter((each) => each.kind === kind)
    return own.filter(({ name }) => !isOneOfMany(name)).slice(0, perKind)
  })
  const lines = kinds.flatMap((kind) => singled.filter((each) => each.kind === kind).map(lineOf))
  const rest = kinds.flatMap((kind) => {
    const others = all.filter((each) => each.kind === kind && !singled.includes(each)).map(lineOf)
    const name = `${Text.relay(kind)}: ${others.length} others, least to most`
    return others.length === 0 ? [] : [{ name, kind, others }]
  })
  if (lines.length + rest.length === 0) return undefined
  const bands = rest.map(({ kind, name, others }) => band(name, colours[kind], others))
  const everything = [...lines, ...rest.flatMap(({ others }) => others)]
  const values = everything.flatMap(({ points }) => points.flatMap(([, value]) => value ?? []))
  const subtitle = "worst answer of every 0.1 s, ms — less is better ↓"
  const yAxis = { type: "log", ...decades(values), axisLabel: { formatter: label } }
  const names = rest.map(({ name }) => name)
  return overTime(result, subtitle, lines.length > 0 ? lines : everything, bands, names, lastSecond(everything), yAxis)
}

/** Whole powers of ten around all values. */
const decades = (values: ReadonlyArray<number>) => {
  const exponents = values.filter((value) => value > 0).map(Math.log10)
  const [least, most] = [Math.floor(Math.min(0, ...exponents)), Math.ceil(Math.max(0, ...exponents))]
  return { min: 10 ** least, max: 10 ** (most === least ? most + 1 : most) }
}

/** Resident memory during the first round. */
export const memory = (result: CaseResult): string | undefined => {
  const lines = shownKinds.flatMap((kind): ReadonlyArray<Line> => {
    const samples = kind === "null" ? [] : (result.rounds[kind]?.[0]?.memory ?? [])
    if (samples.length < 2) return []
    const points = samples.map((value, at) => [at / 10, value] as const)
    return [{ name: Text.relay(kind), colour: colours[kind], dash: "solid", points }]
  })
  if (lines.length === 0) return undefined
  const yAxis = { type: "value", min: 0, axisLabel: { formatter: label } }
  return overTime(result, "resident memory, MiB — less is better ↓", lines, [], [], lastSecond(lines), yAxis)
}

export interface Row {
  readonly name: string
  /** How many times better ours is. */
  readonly times: number
}

const rowsOf = (results: ReadonlyArray<CaseResult>): ReadonlyArray<Row> =>
  results.flatMap((result) => {
    const name = result.show[0] ?? ""
    const metric = result.metrics[name]
    const ratio = result.ratios[name]
    if (metric?.better === undefined || ratio === undefined || !(ratio > 0) || !Number.isFinite(ratio)) return []
    return [{ name: `${result.name}: ${metric.says}`, times: metric.better === "more" ? ratio : 1 / ratio }]
  })

/** What a ratio's axis shows beside whole powers of ten, when all are near 1. */
const near = [0.2, 0.5, 1, 2, 5]

const isLabelled = (value: number, isNear: boolean) =>
  (isNear && near.some((one) => Math.abs(one / value - 1) < 1e-6)) || Math.abs(Math.log10(value) % 1) < 1e-9

/** Of the rows' names: longer ones are cut. */
const namesWidth = 375
const nameLength = 58
const cut = (name: string): string => (name.length <= nameLength ? name : `${name.slice(0, nameLength - 1).trim()}…`)

/** Against 1, on a logarithmic axis that holds all of them. To the right ours is better, whatever is measured. */
export const ratios = (rows: ReadonlyArray<Row>, title: string): string | undefined => {
  if (rows.length === 0) return undefined
  const values = rows.map(({ times }) => times)
  const isNear = Math.min(...values) > 0.2 && Math.max(...values) < 5
  const limits = isNear ? { min: 0.2, max: 5 } : decades(values)
  return render(96 + 30 * rows.length, {
    title: titled(title, "times better, logarithmic: ← lttng-relayd is better | ours is better →"),
    grid: { left: namesWidth, right: 70, top: 62, bottom: 30 },
    xAxis: {
      type: "value",
      min: Math.log10(limits.min),
      max: Math.log10(limits.max),
      ...axis,
      ...(isNear ? { interval: Math.log10(5) } : { interval: 1 }),
      axisLabel: { formatter: (value: number) => (isLabelled(10 ** value, isNear) ? `${label(10 ** value)}×` : "") }
    },
    yAxis: {
      type: "category",
      inverse: true,
      data: rows.map(({ name }) => cut(name)),
      axisTick: { show: false },
      axisLabel: { color: ink, fontSize: 12 }
    },
    series: [
      {
        type: "bar",
        barWidth: 14,
        data: rows.map(({ times }) => ({
          value: Math.log10(times),
          itemStyle: { color: times >= 1 ? colours.ours : colours.reference },
          label: { position: times >= 1 ? "right" : "left" }
        })),
        label: {
          show: true,
          formatter: ({ dataIndex }: { dataIndex: number }) => `${label(rows[dataIndex]?.times ?? 1)}×`
        },
        markLine: {
          symbol: "none",
          silent: true,
          label: { show: false },
          lineStyle: { color: ink, type: "solid" },
          data: [{ xAxis: 0 }]
        }
      }
    ]
  })
}

/** All cases with a ratio. */
export const overview = (results: ReadonlyArray<CaseResult>): string | undefined =>
  ratios(rowsOf(results), "Ours beside lttng-relayd")
