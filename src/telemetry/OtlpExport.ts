/**
 * Sends metrics and logs to an OpenTelemetry collector, where its environment variables name one:
 * `OTEL_EXPORTER_OTLP_ENDPOINT` or `…_METRICS_ENDPOINT` and `…_LOGS_ENDPOINT`, `…_HEADERS`, `…_PROTOCOL`,
 * `OTEL_METRIC_EXPORT_INTERVAL` (ms), `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`; `OTEL_METRICS_EXPORTER` and
 * `OTEL_LOGS_EXPORTER` may say `none`, `OTEL_SDK_DISABLED` both.
 *
 * A collector that does not answer costs nothing but its metrics: the exporter pauses for a minute.
 */
import { Clock, Config, ConfigProvider, Effect, Layer, Option, Schedule } from "effect"
import { FetchHttpClient, type HttpClient } from "effect/http"
import { OtlpExporter, OtlpLogger, OtlpResource, OtlpSerialization } from "effect/observability"
import { resourceMetrics } from "./Otlp.ts"
import { Telemetry } from "./Telemetry.ts"

const serviceName = "lttng-relayd"
const intervalMillisDefault = 60_000
/** What the last export may take when the relay stops. */
const shutdownTimeout = "1 second"

const text = (name: string) => Config.option(Config.String(name))

/** Where metrics go, and how. */
const settings = Effect.gen(function* () {
  const base = yield* text("OTEL_EXPORTER_OTLP_ENDPOINT")
  const own = yield* text("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
  const headerText = Option.getOrElse(yield* text("OTEL_EXPORTER_OTLP_HEADERS"), () => "")
  const isOff = yield* Config.Boolean("OTEL_SDK_DISABLED").pipe(Config.withDefault(false))
  const exporters = yield* Config.String("OTEL_METRICS_EXPORTER").pipe(Config.withDefault("otlp"))
  const interval = yield* Config.Number("OTEL_METRIC_EXPORT_INTERVAL").pipe(Config.withDefault(intervalMillisDefault))
  const fromBase = Option.map(base, (url) => `${url.replace(/\/$/, "")}/v1/metrics`)
  const headers = headerText
    .split(",")
    .map((pair) => pair.split("="))
    .flatMap(([name = "", ...value]) =>
      name.trim() === "" ? [] : [[name.trim(), decodeURIComponent(value.join("="))]]
    )
  const isWanted = !isOff && exporters.split(",").some((name) => name.trim().toLowerCase() === "otlp")
  const url = isWanted ? Option.orElse(own, () => fromBase) : Option.none<string>()
  return { url, headers: Object.fromEntries(headers), interval }
})

const metrics = (version: string) =>
  Effect.gen(function* () {
    const { url, headers, interval } = yield* settings
    if (Option.isNone(url)) return
    const telemetry = yield* Telemetry
    const serialization = yield* OtlpSerialization.OtlpSerialization
    const resource = yield* OtlpResource.fromConfig({ serviceVersion: version })
    const clock = yield* Clock.Clock
    const startNanos = clock.currentTimeNanosUnsafe()
    const exporter = yield* OtlpExporter.make({
      url: url.value,
      headers,
      label: "metrics",
      exportInterval: interval,
      maxBatchSize: 1,
      shutdownTimeout,
      body: (readings) => [serialization.metrics({ resourceMetrics: readings }), Effect.void]
    })
    const push = Effect.map(telemetry.samples, (samples) => {
      const window = { startNanos, nowNanos: clock.currentTimeNanosUnsafe() }
      exporter.push(resourceMetrics([...samples], window, resource, { name: serviceName, version }))
    })
    yield* Effect.forkScoped(Effect.repeat(push, Schedule.spaced(interval)))
    yield* Effect.addFinalizer(() => push)
  })

const serialization = Layer.unwrap(
  Effect.map(text("OTEL_EXPORTER_OTLP_PROTOCOL"), (protocol) =>
    Option.contains(protocol, "http/json") ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf
  )
)

const exporting = <A, E, R>(
  layer: Layer.Layer<A, E, R | OtlpExporter.Flusher | OtlpSerialization.OtlpSerialization | HttpClient.HttpClient>
) =>
  layer.pipe(
    Layer.provide(OtlpExporter.layerFlusher),
    Layer.provide(serialization),
    Layer.provide(FetchHttpClient.layer)
  )

/** Where the environment says nothing. That logs are exported then is OpenTelemetry's default, and not Effect's. */
const defaults = ConfigProvider.layerAdd(
  ConfigProvider.fromUnknown({ OTEL_LOGS_EXPORTER: "otlp", OTEL_SERVICE_NAME: serviceName })
)

export const layerMetrics = (version: string) =>
  exporting(Layer.effectDiscard(metrics(version))).pipe(Layer.provide(defaults))

/** Beside the loggers in place. */
export const layerLogs = (version: string) =>
  exporting(OtlpLogger.layerFromConfig({ resource: { serviceVersion: version } })).pipe(Layer.provide(defaults))
