/** The table, one reading of it, and its forms: text for scrapers, OpenTelemetry's message, the document. */
import { assert, describe, expect, it } from "@effect/vitest"
import { edgeSamples } from "../../src/telemetry/EdgeReading.ts"
import * as Instruments from "../../src/telemetry/Instruments.ts"
import * as Otlp from "../../src/telemetry/Otlp.ts"
import { edgeFigures, noTime, reading, samples, session, stream, textOf } from "./readings.ts"
import * as Reference from "./reference.ts"

const lineOf = (text: string, start: string) => text.split("\n").filter((line) => line.startsWith(start))

describe("a reading", () => {
  it("adds up the streams of one channel, the closed ones too, and leaves metadata out", () => {
    const text = textOf(
      samples(
        reading([
          session("demo", {
            streams: [
              stream("ch_0", { packetCount: 3, byteCount: 300, eventsDiscarded: 7 }),
              stream("ch_1", { packetCount: 1, byteCount: 100, packetsLost: 2, heardAtMillis: 500 }),
              stream("metadata", { byteCount: 9_000 })
            ],
            closedChannels: [
              { channelName: "ch_1", packetCount: 5, byteCount: 50, eventsDiscarded: 1, packetsLost: 0 },
              { channelName: "metadata", packetCount: 1, byteCount: 1, eventsDiscarded: 0, packetsLost: 0 }
            ]
          }),
          // The same tracing session's other domain.
          session("demo", { streams: [stream("ch", { packetCount: 1, byteCount: 7 })] })
        ])
      )
    )
    const labels = '{host="web1",session="demo",channel="ch"}'
    assert.deepStrictEqual(lineOf(text, "lttng_relay_channel_"), [
      `lttng_relay_channel_received_bytes_total${labels} 457`,
      `lttng_relay_channel_received_packets_total${labels} 10`,
      `lttng_relay_channel_discarded_events_total${labels} 8`,
      `lttng_relay_channel_lost_packets_total${labels} 2`,
      `lttng_relay_channel_silence_seconds${labels} 3`
    ])
  })

  it("has no more series than it may, and says how many are missing", () => {
    const many = ["a", "b", "c"].map((name) => session(name, { streams: [stream("ch_0"), stream("ch_1")] }))
    const text = textOf(samples(reading(many, { seriesMax: 2 })))
    assert.lengthOf(lineOf(text, "lttng_relay_channel_received_bytes_total"), 2)
    // A channel and a session.
    assert.deepStrictEqual(lineOf(text, "lttng_relay_capped_series"), ["lttng_relay_capped_series 2"])
  })

  it("tells which files could not be used when they were read last", () => {
    const refusedFiles = new Map(Object.entries({ access: true, tls: false }))
    assert.deepStrictEqual(lineOf(textOf(samples(reading([], { refusedFiles }))), "lttng_relay_refused_file"), [
      'lttng_relay_refused_file{file="access"} 1',
      'lttng_relay_refused_file{file="tls"} 0'
    ])
  })

  it("tells how far the slowest viewer of a session is behind", () => {
    const viewers = [
      { connectionId: 1, peer: "a:1", lagPacketCount: 2, lagNanos: 1_500_000_000 },
      { connectionId: 2, peer: "b:1", lagPacketCount: 9, lagNanos: 1_000_000 }
    ]
    const text = textOf(samples(reading([session("demo", { viewers })])))
    assert.deepStrictEqual(lineOf(text, "lttng_relay_viewer_lag"), [
      'lttng_relay_viewer_lag_seconds{host="web1",session="demo"} 1.5',
      'lttng_relay_viewer_lag_packets{host="web1",session="demo"} 9'
    ])
  })

  it("has a cumulative histogram in seconds", () => {
    const lines = lineOf(textOf(samples(reading([]))), "lttng_relay_answer_latency_seconds")
    assert.deepStrictEqual(lines.slice(0, 3), [
      'lttng_relay_answer_latency_seconds_bucket{le="0.000008"} 2',
      'lttng_relay_answer_latency_seconds_bucket{le="0.000016"} 2',
      'lttng_relay_answer_latency_seconds_bucket{le="0.000032"} 3'
    ])
    assert.deepStrictEqual(lines.slice(-3), [
      'lttng_relay_answer_latency_seconds_bucket{le="+Inf"} 3',
      "lttng_relay_answer_latency_seconds_sum 0.000036",
      "lttng_relay_answer_latency_seconds_count 3"
    ])
  })

  it("escapes what peers named", () => {
    const text = textOf(samples(reading([session('a"b\\c\nd', { streams: [stream("ch")] })])))
    assert.include(text, 'session="a\\"b\\\\c\\nd"')
  })

  it("numbers bytes of names that are no UTF-8: names that differ are no series twice", () => {
    const sessions = ["\udcffn", "\udcfen", "n\nm"].map((name) => session(name, { streams: [stream("\udc80_0")] }))
    const lines = lineOf(textOf(samples(reading(sessions))), "lttng_relay_channel_received_packets_total")
    assert.deepStrictEqual(
      lines.map((line) => /session="(.*)",channel="(.*)"/.exec(line)?.slice(1)),
      [
        ["\\\\xffn", "\\\\x80"],
        ["\\\\xfen", "\\\\x80"],
        ["n\\nm", "\\\\x80"]
      ]
    )
  })

  it("numbers them of an edge's losses, too", () => {
    const losses = ["web1/a\udcfe", "web1/a\udcff"].map((name) => ({
      name,
      policy: "drop",
      packetCount: 1,
      byteCount: 9
    }))
    const more = edgeSamples({ ...edgeFigures, losses })
    assert.deepStrictEqual(lineOf(textOf(samples(reading([], { more }))), "lttng_relay_edge_dropped_packets_total"), [
      'lttng_relay_edge_dropped_packets_total{host="web1",session="a\\\\xfe",policy="drop"} 1',
      'lttng_relay_edge_dropped_packets_total{host="web1",session="a\\\\xff",policy="drop"} 1'
    ])
  })

  it("uses no instrument that the table does not have, and each as it is declared", () => {
    for (const { instrument, labels } of samples(reading([session("demo", { streams: [stream("ch")] })]))) {
      assert.include(Reference.all, instrument)
      assert.lengthOf(labels, instrument.labels.length, instrument.name)
    }
  })
})

describe("the table", () => {
  it("names every instrument once, with base units and the suffix of counters", () => {
    const names = Reference.all.map(({ name }) => name)
    assert.strictEqual(new Set(names).size, names.length)
    for (const { name, kind, unit } of Reference.all) {
      assert.match(name, /^lttng_relay_[a-z_]+$/)
      assert.strictEqual(name.endsWith("_total"), kind === "counter", name)
      if (unit === "bytes" || unit === "seconds") assert.match(name, new RegExp(`_${unit}(_total)?$`))
    }
  })

  it("is docs/metrics.md", () => expect(Reference.markdown()).toMatchFileSnapshot("../../docs/metrics.md"))
})

describe("OpenMetrics' text", () => {
  it("has no two families of one name: a counter that would take a gauge's keeps its own, of unknown kind", () => {
    const handshakes = { goodCount: 1, failedCount: 0, waitingCount: 0, underWayCount: 0 }
    const text = textOf(samples(reading([], { handshakes })), "openmetrics")
    const families = lineOf(text, "# TYPE ").map((line) => line.split(" ")[2])
    assert.deepStrictEqual(families, [...new Set(families)])
    assert.deepStrictEqual(lineOf(text, "# TYPE lttng_relay_connection"), [
      "# TYPE lttng_relay_connections_total unknown",
      "# TYPE lttng_relay_connection_ends counter",
      "# TYPE lttng_relay_connections gauge"
    ])
  })
})

describe("OpenTelemetry's message", () => {
  it("has counters as cumulative sums, gauges, and buckets that are not cumulative", () => {
    const window = { startNanos: 1n, nowNanos: 2n }
    const scope = { name: "lttng-relayd", version: "1" }
    const resource = { attributes: [], droppedAttributesCount: 0 }
    const { scopeMetrics } = Otlp.resourceMetrics(samples(reading([])), window, resource, scope)
    const metrics = new Map(scopeMetrics[0]?.metrics.map((metric) => [metric.name, metric]))
    assert.deepInclude(metrics.get(Instruments.heldBackSeconds.name), {
      unit: "s",
      sum: {
        aggregationTemporality: 2,
        isMonotonic: true,
        dataPoints: Object.entries({ ...noTime, disk: 1_500 }).map(([cause, millis]) => ({
          attributes: [{ key: "cause", value: { stringValue: cause } }],
          startTimeUnixNano: "1",
          timeUnixNano: "2",
          asDouble: millis / 1000
        }))
      }
    })
    const histogram = metrics.get(Instruments.answerLatency.name) as {
      readonly histogram: { readonly dataPoints: ReadonlyArray<Record<string, unknown>> }
    }
    const [point] = histogram.histogram.dataPoints
    const counts = (point?.bucketCounts ?? []) as ReadonlyArray<number>
    assert.lengthOf(counts, ((point?.explicitBounds ?? []) as ReadonlyArray<number>).length + 1)
    assert.deepStrictEqual(counts.slice(0, 3), [2, 0, 1])
  })
})
