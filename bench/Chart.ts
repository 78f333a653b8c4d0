/** The report's pictures: SVG text from numbers, without a browser. */
import * as echarts from "echarts"
import type { CaseResult } from "./Summary.ts"

const colours: Record<string, string> = { ours: "#2563eb", reference: "#b45309", null: "#9ca3af" }

const render = (width: number, height: number, option: echarts.EChartsCoreOption): string => {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height })
  chart.setOption({ animation: false, backgroundColor: "#ffffff", ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

/** Median as a bar, every round as a dot. Only the case's first metric: a picture answers one question. */
export const bars = (result: CaseResult): string | undefined => {
  const metric = result.show[0]
  if (metric === undefined) return undefined
  const kinds = (["ours", "reference", "null"] as const).filter((kind) => result.spreads[kind]?.[metric] !== undefined)
  if (kinds.length === 0) return undefined
  return render(640, 90 + 44 * kinds.length, {
    title: { text: result.title, subtext: metric, textStyle: { fontSize: 13 } },
    grid: { left: 90, right: 60, top: 60, bottom: 24 },
    xAxis: { type: "value", min: 0 },
    yAxis: { type: "category", inverse: true, data: kinds.map((kind) => (kind === "null" ? "null relay" : kind)) },
    series: [
      {
        type: "bar",
        barWidth: 18,
        data: kinds.map((kind) => ({
          value: result.spreads[kind]?.[metric]?.median ?? 0,
          itemStyle: { color: colours[kind] }
        })),
        label: { show: true, position: "right", formatter: ({ value }: { value: number }) => value.toPrecision(3) }
      },
      {
        type: "scatter",
        symbolSize: 6,
        itemStyle: { color: "#111827" },
        data: kinds.flatMap((kind, row) =>
          (result.rounds[kind] ?? []).map((round) => [round.metrics[metric] ?? 0, row])
        )
      }
    ]
  })
}

/** Worst answer time per tenth of a second, first round: what a stall looks like from every group. */
export const timeline = (result: CaseResult): string | undefined => {
  const series = (["ours", "reference"] as const).flatMap((kind) =>
    Object.entries(result.rounds[kind]?.[0]?.timelines ?? {}).map(([label, buckets]) => ({
      name: `${kind}: ${label}`,
      type: "line",
      showSymbol: false,
      // A logarithmic axis has no place for a tenth of a second without answers.
      data: buckets.map(([packets, worst], index) => [index / 10, packets === 0 ? null : Math.max(worst, 1) / 1000])
    }))
  )
  if (series.length === 0) return undefined
  return render(760, 340, {
    title: { text: result.title, subtext: "worst answer per 0.1 s, milliseconds", textStyle: { fontSize: 13 } },
    legend: { type: "plain", bottom: 0 },
    grid: { left: 60, right: 20, top: 60, bottom: 70 },
    xAxis: { type: "value", name: "s" },
    yAxis: { type: "log", min: 0.01 },
    series
  })
}

/** All cases with a ratio, against 1. */
export const overview = (results: ReadonlyArray<CaseResult>): string | undefined => {
  const rows = results.flatMap((result) => {
    const metric = result.show[0] ?? ""
    const ratio = result.ratios[metric]
    return ratio === undefined ? [] : [{ name: `${result.name} (${metric})`, ratio }]
  })
  if (rows.length === 0) return undefined
  return render(760, 80 + 28 * rows.length, {
    title: { text: "ours / reference", textStyle: { fontSize: 13 } },
    grid: { left: 330, right: 60, top: 40, bottom: 24 },
    xAxis: { type: "log", min: 0.1 },
    yAxis: { type: "category", inverse: true, data: rows.map((row) => row.name) },
    series: [
      {
        type: "scatter",
        symbolSize: 10,
        itemStyle: { color: colours.ours },
        data: rows.map((row, index) => [row.ratio, index]),
        label: {
          show: true,
          position: "right",
          formatter: ({ value }: { value: [number] }) => `${value[0].toFixed(2)}×`
        },
        markLine: { symbol: "none", silent: true, lineStyle: { color: "#111827" }, data: [{ xAxis: 1 }] }
      }
    ]
  })
}
