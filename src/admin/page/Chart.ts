/** A chart of the last fifteen minutes of one figure of a session. */
import { html } from "htm/preact"
import { useEffect, useRef } from "preact/hooks"
import uPlot from "uplot"
import * as Clock from "./Clock.ts"
import type { History } from "./Server.ts"

const pointCount = 180

/** The value of a custom property in the current colour scheme: a canvas does not know custom properties. */
const color = (name: string): string => {
  const element = document.createElement("i")
  element.style.color = `var(${name})`
  document.body.append(element)
  const { color: resolved } = getComputedStyle(element)
  element.remove()
  return resolved
}

const time = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false })

export interface Line {
  readonly label: string
  readonly key: Exclude<keyof History, "intervalSeconds">
  readonly color: string
  readonly format: (value: number) => string
}

/** uPlot's data: times in seconds, and values. Always `pointCount` points, the newest last; missing ones are null. */
const dataOf = (history: History, key: Line["key"]): uPlot.AlignedData => {
  const values = history[key]
  const now = Clock.nowMillis() / 1000
  const missing = pointCount - values.length
  const times = Array.from({ length: pointCount }, (_, at) => now - (pointCount - 1 - at) * history.intervalSeconds)
  return [times, [...Array<null>(missing).fill(null), ...values]]
}

const axis = (size: number, format: (value: number) => string): uPlot.Axis => ({
  stroke: color("--soft"),
  grid: { stroke: color("--line"), width: 1 },
  ticks: { show: false },
  font: "12px system-ui",
  size,
  values: (_: uPlot, all: ReadonlyArray<number>) => all.map(format)
})

export const Chart = ({
  history,
  line,
  height
}: {
  readonly history: History
  readonly line: Line
  readonly height: number
}) => {
  const element = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  useEffect(() => {
    const parent = element.current
    if (parent === null) return undefined
    const stroke = color(line.color)
    const made = new uPlot(
      {
        width: parent.clientWidth,
        height,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        scales: { y: { range: (_, __, most) => [0, Math.max(most * 1.1, 1)] } },
        axes: [axis(28, time), axis(78, line.format)],
        series: [
          {},
          {
            stroke,
            width: 1.5,
            fill: `color-mix(in srgb, ${stroke} 14%, transparent)`,
            spanGaps: false,
            points: { show: false }
          }
        ]
      },
      dataOf(history, line.key),
      parent
    )
    plot.current = made
    const observer = new ResizeObserver(() => made.setSize({ width: parent.clientWidth, height }))
    observer.observe(parent)
    return () => {
      observer.disconnect()
      made.destroy()
    }
  }, [])
  useEffect(() => plot.current?.setData(dataOf(history, line.key)), [history])
  const latest = history[line.key].at(-1) ?? 0
  return html`<figure>
    <figcaption>${line.label} <output>${line.format(latest)}</output></figcaption>
    <div class="plot" style=${{ height: `${height}px` }} ref=${element}></div>
  </figure>`
}
