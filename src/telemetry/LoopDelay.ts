/**
 * How late the event loop is, measured separately for each reader since it read last: a reading takes nothing from
 * other readers. The timers begin together and have one period, so the loop wakes up for all of them at once.
 */
import { monitorEventLoopDelay } from "node:perf_hooks"
import { Effect, type Scope } from "effect"
import type { ProcessFigures } from "./Reading.ts"

type IntervalHistogram = ReturnType<typeof monitorEventLoopDelay>

const resolutionMillis = 20

/** Who reads: scrapers by the form of their text, the export, and the operator's API. */
export type Reader = "prometheus" | "openmetrics" | "export" | "operator"

/** Seconds of delay; `nanos` include the timer's own interval. */
const secondsOf = (nanos: number) => (Number.isFinite(nanos) ? Math.max(0, nanos / 1e9 - resolutionMillis / 1e3) : 0)

const take = (histogram: IntervalHistogram): ProcessFigures["loopDelay"] => {
  const read = {
    median: secondsOf(histogram.percentile(50)),
    p99: secondsOf(histogram.percentile(99)),
    max: secondsOf(histogram.max)
  }
  histogram.reset()
  return read
}

const start = (): IntervalHistogram => {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMillis })
  histogram.enable()
  return histogram
}

/** Measures while the scope is open. */
export const make: Effect.Effect<(reader: Reader) => ProcessFigures["loopDelay"], never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(
      (): Readonly<Record<Reader, IntervalHistogram>> => ({
        prometheus: start(),
        openmetrics: start(),
        export: start(),
        operator: start()
      })
    ),
    (histograms) => Effect.sync(() => Object.values(histograms).forEach((histogram) => void histogram.disable()))
  ),
  (histograms) => (reader) => take(histograms[reader])
)
