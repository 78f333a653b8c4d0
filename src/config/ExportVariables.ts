/**
 * OpenTelemetry's variables for sending metrics and logs to a collector: whether they name one, and what is wrong with
 * them. An empty variable counts as absent, as OpenTelemetry specifies.
 */
import type { Variables } from "./Environment.ts"

/** Says why a value cannot be used; undefined: it can. */
type Refusal = (value: string) => string | undefined

const oneOf =
  (...allowed: ReadonlyArray<string>): Refusal =>
  (value) =>
    allowed.includes(value) ? undefined : `must be ${allowed.join(" or ")}`

const url: Refusal = (value) =>
  /^https?:$/.test(URL.parse(value)?.protocol ?? "") ? undefined : "must be a URL of http or https"

const positive: Refusal = (value) =>
  /^\d+$/.test(value) && Number(value) > 0 && Number(value) < 2 ** 31
    ? undefined
    : "must be a whole number above 0 and below 2^31"

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

const pairs =
  (name: RegExp, content: RegExp): Refusal =>
  (value) => {
    const isPair = (pair: string) => {
      const [, key = "", text = ""] = /^([^=]*)=(.*)$/s.exec(pair.trim()) ?? []
      return name.test(decoded(key.trim()) ?? "") && content.test(decoded(text.trim()) ?? "\n")
    }
    return value.split(",").every(isPair) ? undefined : "must be NAME=VALUE,…, with % codes where they are needed"
  }

const headers = pairs(/^[\w!#$%&'*+.^`|~-]+$/, /^[\t\x20-\x7e\x80-\xff]*$/)
const attributes = pairs(/./s, /^/s)

const kinds: ReadonlyArray<readonly [RegExp, Refusal]> = [
  [/^OTEL_EXPORTER_OTLP_(?:(?:METRICS|LOGS)_)?ENDPOINT$/, url],
  [/^OTEL_EXPORTER_OTLP_(?:(?:METRICS|LOGS)_)?PROTOCOL$/, oneOf("http/protobuf", "http/json")],
  [/^OTEL_EXPORTER_OTLP_(?:(?:METRICS|LOGS)_)?HEADERS$/, headers],
  [/^OTEL_EXPORTER_OTLP_(?:(?:METRICS|LOGS)_)?COMPRESSION$/, oneOf("none", "gzip")],
  [/^OTEL_EXPORTER_OTLP_(?:(?:METRICS|LOGS)_)?TIMEOUT$/, positive],
  [/^OTEL_METRIC_EXPORT_INTERVAL$/, positive],
  [/^OTEL_BLRP_(?:SCHEDULE_DELAY|EXPORT_TIMEOUT|MAX_EXPORT_BATCH_SIZE)$/, positive],
  [/^OTEL_RESOURCE_ATTRIBUTES$/, attributes]
]

/** Whether the variables name a collector. */
export const isExportAsked = (env: Variables): boolean =>
  env.OTEL_SDK_DISABLED?.toLowerCase() !== "true" &&
  ["", "METRICS_", "LOGS_"].some((signal) => (env[`OTEL_EXPORTER_OTLP_${signal}ENDPOINT`] ?? "") !== "")

/** What is wrong with them, by name; nothing if they name no collector. Values may be secret, so none is told. */
export const complaints = (env: Variables): ReadonlyArray<string> =>
  Object.entries(isExportAsked(env) ? env : {})
    .toSorted()
    .flatMap(([name, value = ""]) => {
      const refusal = kinds.find(([pattern]) => pattern.test(name))?.[1]
      const reason = value === "" ? undefined : refusal?.(value)
      return reason === undefined ? [] : [`${name} ${reason}`]
    })
