/** Samples as a metrics message of OpenTelemetry's protocol, in its JSON form; times are ns since 1970. */
import type { Instrument } from "./Instruments.ts"
import type { Distribution, Sample } from "./Sample.ts"

/** Units as OpenTelemetry writes them. */
const units = { bytes: "By", seconds: "s", packets: "{packet}", events: "{event}", "1": "1" } as const

const cumulative = 2

export interface Window {
  readonly startNanos: bigint
  readonly nowNanos: bigint
}

const attributes = ({ labels }: Instrument, values: ReadonlyArray<string>) =>
  labels.map((key, at) => ({ key, value: { stringValue: values[at] ?? "" } }))

/** A histogram's point. Our buckets are cumulative, OpenTelemetry's are not; the last one has no limit. */
const distribution = ({ buckets, count, sum }: Distribution) => {
  const finite = buckets.filter(({ limit }) => Number.isFinite(limit))
  const counts = [...finite.map((bucket) => bucket.count), count]
  return {
    count,
    sum,
    explicitBounds: finite.map(({ limit }) => limit),
    bucketCounts: counts.map((value, at) => value - (counts[at - 1] ?? 0))
  }
}

const points = (samples: ReadonlyArray<Sample>, { startNanos, nowNanos }: Window) =>
  samples.map(({ instrument, labels, value }) => ({
    attributes: attributes(instrument, labels),
    startTimeUnixNano: String(startNanos),
    timeUnixNano: String(nowNanos),
    ...(typeof value === "number" ? { asDouble: value } : distribution(value))
  }))

const data = ({ kind }: Instrument, dataPoints: ReturnType<typeof points>) => {
  if (kind === "gauge") return { gauge: { dataPoints } }
  if (kind === "histogram") return { histogram: { dataPoints, aggregationTemporality: cumulative } }
  return { sum: { dataPoints, aggregationTemporality: cumulative, isMonotonic: true } }
}

/** The message `ResourceMetrics` of one reading. */
export const resourceMetrics = (
  samples: Iterable<Sample>,
  window: Window,
  resource: unknown,
  scope: { readonly name: string; readonly version: string }
) => {
  const byInstrument = new Map<Instrument, Array<Sample>>()
  for (const one of samples) {
    const others = byInstrument.get(one.instrument)
    if (others === undefined) byInstrument.set(one.instrument, [one])
    else others.push(one)
  }
  const metrics = Array.from(byInstrument, ([instrument, all]) => ({
    name: instrument.name,
    description: instrument.help,
    unit: units[instrument.unit],
    ...data(instrument, points(all, window))
  }))
  return { resource, scopeMetrics: [{ scope, metrics }] }
}
