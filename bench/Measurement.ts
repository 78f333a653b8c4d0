/** What one run gave. */
import type { GroupReport } from "./load.ts"

/** By name; the unit is the end of the name, `group.` its beginning where a group is meant. */
export type Metrics = Record<string, number>

export interface Measurement {
  readonly metrics: Metrics
  readonly timelines: Record<string, GroupReport["timeline"]>
  /** The relay's memory in MiB, every tenth of a second. */
  readonly memory: ReadonlyArray<number>
  readonly errors: ReadonlyArray<string>
}

/** As many digits as mean something. */
export const round = (value: number) => Number(value.toPrecision(6))

/** Of groups beside others: their rate, of that which they had alone. */
export const shares = (together: Metrics, alone: ReadonlyArray<Metrics>, labels: ReadonlyArray<string>): Metrics => {
  const mean = (metric: string) => alone.reduce((sum, metrics) => sum + (metrics[metric] ?? 0), 0) / alone.length
  const result: Metrics = {}
  for (const label of labels) {
    const alonePacketsPerSecond = mean(`${label}.packetsPerSecond`)
    const beside = together[`${label}.packetsPerSecond`] ?? 0
    result[`${label}.shareOfAlone`] = round(beside / alonePacketsPerSecond)
    result[`${label}.alonePacketsPerSecond`] = round(alonePacketsPerSecond)
    result[`${label}.aloneP99Ms`] = round(mean(`${label}.p99Ms`))
    const p99 = p99Of(together, label)
    result[`${label}.p99OfAlone`] = round((together[p99] ?? 0) / mean(p99))
  }
  return result
}

/** Of the window where there is one: what a start costs is in neither. */
const p99Of = (metrics: Metrics, label: string) =>
  `${label}.${metrics[`${label}.windowP99Ms`] === undefined ? "p99Ms" : "windowP99Ms"}`

/** Of groups beside a flood: their answer time, of that without any; and that with the start. */
export const ofCalm = (flooded: Metrics, calm: Metrics, labels: ReadonlyArray<string>): Metrics =>
  Object.fromEntries(
    labels.flatMap((label) => {
      const ratio = (metric: string) => round((flooded[metric] ?? 0) / (calm[metric] ?? 0))
      return [
        [`${label}.p99OfCalm`, ratio(p99Of(flooded, label))],
        [`${label}.wholeP99OfCalm`, ratio(`${label}.p99Ms`)]
      ]
    })
  )
