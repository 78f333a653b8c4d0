/**
 * Sends metrics and logs to an OpenTelemetry collector, if OpenTelemetry's environment variables name one:
 * `OTEL_EXPORTER_OTLP_ENDPOINT` or `…_METRICS_ENDPOINT` and `…_LOGS_ENDPOINT`, `…_HEADERS`, `…_PROTOCOL`, `…_TIMEOUT`,
 * `OTEL_METRIC_EXPORT_INTERVAL` (ms), `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`; `OTEL_METRICS_EXPORTER` and
 * `OTEL_LOGS_EXPORTER` may say `none`, `OTEL_SDK_DISABLED` both. What their values can be is checked before
 * (`config/ExportVariables`).
 *
 * If the collector does not answer, only its metrics are lost: the exporter pauses for a minute.
 */
import { Clock, Config, ConfigProvider, Effect, Layer, Option, Schedule } from "effect"
import type { HttpClient } from "effect/http"
import { OtlpExporter, OtlpLogger, OtlpResource, OtlpSerialization } from "effect/observability"
import * as Collector from "./Collector.ts"
import { resourceMetrics } from "./Otlp.ts"
import { Telemetry } from "./Telemetry.ts"

const serviceName = "lttng-relayd"
const intervalMillisDefault = 60_000
const answerMillisDefault = 10_000
/** Within this time the exporter sees that there is something to send. */
const lookMillis = 1_000
/** How long the last export may take when the relay stops. */
const shutdownTimeout = "1 second"

type Signal = "METRICS" | "LOGS"

const text = (name: string) => Config.option(Config.String(name))

/** A signal's own variable, or the one for all signals. */
const textOf = (signal: Signal, name: string) =>
  Effect.flatMap(text(`OTEL_EXPORTER_OTLP_${signal}_${name}`), (own) =>
    Option.isSome(own) ? Effect.succeed(own) : text(`OTEL_EXPORTER_OTLP_${name}`)
  )

/** Where metrics go, and how. */
const settings = Effect.gen(function* () {
  const base = yield* text("OTEL_EXPORTER_OTLP_ENDPOINT")
  const own = yield* text("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
  const headerText = Option.getOrElse(yield* textOf("METRICS", "HEADERS"), () => "")
  const exporters = yield* Config.String("OTEL_METRICS_EXPORTER").pipe(Config.withDefault("otlp"))
  const interval = yield* Config.Number("OTEL_METRIC_EXPORT_INTERVAL").pipe(Config.withDefault(intervalMillisDefault))
  const fromBase = Option.map(base, (url) => `${url.replace(/\/$/, "")}/v1/metrics`)
  const headers = headerText
    .split(",")
    .map((pair) => pair.split("="))
    .flatMap(([name = "", ...value]) =>
      name.trim() === "" ? [] : [[name.trim(), decodeURIComponent(value.join("=")).trim()]]
    )
  const isWanted = exporters.split(",").some((name) => name.trim().toLowerCase() === "otlp")
  const url = isWanted ? Option.orElse(own, () => fromBase) : Option.none<string>()
  return { url, headers: Object.fromEntries(headers), interval }
})

/** Answers the time from now on until it is called. It begins earlier where the wall clock was set back. */
export const windowsFrom = (clock: Clock.Clock) => {
  let startNanos = clock.currentTimeNanosUnsafe()
  const begunAt = clock.monotonicTimeNanosUnsafe()
  return () => {
    const nowNanos = clock.currentTimeNanosUnsafe()
    const latest = nowNanos - (clock.monotonicTimeNanosUnsafe() - begunAt)
    if (startNanos > latest) startNanos = latest
    return { startNanos, nowNanos }
  }
}

const metrics = (version: string) =>
  Effect.gen(function* () {
    const { url, headers, interval } = yield* settings
    if (Option.isNone(url)) return
    const telemetry = yield* Telemetry
    const serialization = yield* OtlpSerialization.OtlpSerialization
    const resource = yield* OtlpResource.fromConfig({ serviceVersion: version })
    const clock = yield* Clock.Clock
    const window = windowsFrom(clock)
    // Values are cumulative: of several readings that wait for a slow collector only the newest is needed, and kept.
    const held: { newest?: unknown } = {}
    const exporter = yield* OtlpExporter.make({
      url: url.value,
      headers,
      label: "metrics",
      exportInterval: Math.min(interval, lookMillis),
      // Without batches requests are sent one after the other.
      maxBatchSize: "disabled",
      shutdownTimeout,
      body: ([{ newest }]) => [serialization.metrics({ resourceMetrics: [newest] }), Effect.void]
    })
    const push = Effect.map(telemetry.samples("export"), (samples) => {
      held.newest = resourceMetrics([...samples], window(), resource, { name: serviceName, version })
      exporter.push(held)
    })
    yield* Effect.forkScoped(Effect.repeat(push, Schedule.spaced(interval)))
    yield* Effect.addFinalizer(() => push)
  })

const serialization = (signal: Signal) =>
  Layer.unwrap(
    Effect.map(textOf(signal, "PROTOCOL"), (protocol) =>
      Option.contains(protocol, "http/json") ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf
    )
  )

const collector = (signal: Signal) =>
  Layer.unwrap(
    Effect.map(textOf(signal, "TIMEOUT"), (millis) =>
      Collector.layer(Number(Option.getOrElse(millis, () => answerMillisDefault)))
    )
  )

const exporting = <A, E, R>(
  signal: Signal,
  layer: Layer.Layer<A, E, R | OtlpExporter.Flusher | OtlpSerialization.OtlpSerialization | HttpClient.HttpClient>
) =>
  layer.pipe(
    Layer.provide(OtlpExporter.layerFlusher),
    Layer.provide(serialization(signal)),
    Layer.provide(collector(signal))
  )

/**
 * What counts if the environment says nothing. Exporting logs is OpenTelemetry's default, but not Effect's. That the
 * SDK is not disabled has been checked before this is loaded.
 */
const defaults = ConfigProvider.layerAdd(
  ConfigProvider.fromUnknown({ OTEL_LOGS_EXPORTER: "otlp", OTEL_SERVICE_NAME: serviceName })
).pipe(
  Layer.provideMerge(
    ConfigProvider.layerAdd(ConfigProvider.fromUnknown({ OTEL_SDK_DISABLED: "false" }), { asPrimary: true })
  )
)

export const layerMetrics = (version: string) =>
  exporting("METRICS", Layer.effectDiscard(metrics(version))).pipe(Layer.provide(defaults))

/** Exports log lines, beside the loggers that are in place. */
export const layerLogs = (version: string) =>
  exporting("LOGS", OtlpLogger.layerFromConfig({ resource: { serviceVersion: version } })).pipe(Layer.provide(defaults))
