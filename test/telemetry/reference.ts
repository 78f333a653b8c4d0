/** The table of metrics as a document: `docs/metrics.md`. */
import * as Instruments from "../../src/telemetry/Instruments.ts"

const row = ({ name, kind, unit, labels, stability, help }: Instruments.Instrument): string =>
  `| \`${name}\` | ${kind} | ${unit} | ${labels.map((label) => `\`${label}\``).join(" ")} | ${stability} | ${help} |`

export const all: ReadonlyArray<Instruments.Instrument> = Object.values(Instruments).filter(
  (value) => typeof value === "object"
)

export const markdown = (): string => `# Metrics

What \`/metrics\` serves and OTLP exports; see [operating.md](operating.md) for how to turn them on. Made from
[src/telemetry/Instruments.ts](../src/telemetry/Instruments.ts) by \`npx vitest run test/telemetry -u\`.

Stable metrics keep name, unit and labels until the next major version. Histograms have \`_bucket\`, \`_sum\` and
\`_count\`. Series with a session are those of sessions that stream now; beyond a limit the rest is only
counted, in \`lttng_relay_capped_series\`.

In OpenMetrics' form the kind of \`lttng_relay_connections_total\` and \`lttng_relay_tls_handshakes_total\` is \`unknown\`:
a counter of that form has a name without \`_total\`, which in these cases is a gauge's.

| name | kind | unit | labels | stability | meaning |
| --- | --- | --- | --- | --- | --- |
${all.map(row).join("\n")}
`
