/** Metrics and logs as a collector has them: a double of one that decodes what a real daemon posts, in both forms. */
import { createServer } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SyntheticTrace, Target } from "../../src/index.ts"
import { listening } from "../support/listening.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

interface Field {
  readonly number: number
  readonly value: Buffer | bigint
}

/** One protobuf message; its fields in order. */
const fieldsOf = (bytes: Buffer): ReadonlyArray<Field> => {
  const fields: Array<Field> = []
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? assert.fail("cut short")
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const take = (count: number) => {
    const part = bytes.subarray(at, at + count)
    assert.strictEqual(part.length, count, "cut short")
    at += count
    return part
  }
  while (at < bytes.length) {
    const key = Number(varint())
    const wire = key & 7
    const value = wire === 0 ? varint() : take(wire === 2 ? Number(varint()) : wire === 1 ? 8 : 4)
    fields.push({ number: key >> 3, value })
  }
  return fields
}

const inner = (bytes: Buffer, ...path: ReadonlyArray<number>): ReadonlyArray<Buffer> =>
  path.reduce<ReadonlyArray<Buffer>>(
    (all, wanted) =>
      all.flatMap((each) =>
        fieldsOf(each).flatMap(({ number, value }) => (number === wanted && Buffer.isBuffer(value) ? [value] : []))
      ),
    [bytes]
  )

/** By name: the values of a metric that is a sum or a gauge. opentelemetry/proto/metrics/v1 has the numbers. */
const fromProtobuf = {
  metrics: (body: Buffer) =>
    inner(body, 1, 2, 2).map((metric) => ({
      name: String(inner(metric, 1)[0]),
      unit: String(inner(metric, 3)[0] ?? ""),
      values: [...inner(metric, 7, 1, 4), ...inner(metric, 5, 1, 4)].map((value) => value.readDoubleLE())
    })),
  texts: (body: Buffer) => inner(body, 1, 2, 2, 5, 1).map(String),
  service: (body: Buffer) => inner(body, 1, 1, 1, 2, 1).map(String)
}

interface Json {
  readonly [name: string]: Json
  readonly [at: number]: Json
}
const list = (json: Json | undefined): ReadonlyArray<Json> => (json ?? []) as unknown as ReadonlyArray<Json>
const scopes = (body: Buffer, resources: string, parts: string) =>
  list((JSON.parse(body.toString()) as Json)[resources]).flatMap((resource) => list(resource[parts]))

const fromJson: typeof fromProtobuf = {
  metrics: (body) =>
    scopes(body, "resourceMetrics", "scopeMetrics")
      .flatMap(({ metrics }) => list(metrics))
      .map(({ gauge, name, sum, unit }) => ({
        name: String(name),
        unit: String(unit),
        values: list((sum ?? gauge)?.dataPoints).map(({ asDouble }) => Number(asDouble))
      })),
  texts: (body) =>
    scopes(body, "resourceLogs", "scopeLogs")
      .flatMap(({ logRecords }) => list(logRecords))
      .map(({ body: said }) => String(said?.stringValue)),
  service: (body) =>
    list((JSON.parse(body.toString()) as Json).resourceMetrics).flatMap(({ resource }) =>
      list(resource?.attributes).map(({ value }) => String(value?.stringValue))
    )
}

interface Post {
  readonly path: string
  readonly type: string
  readonly header: string
  readonly body: Buffer
}

const collector = Effect.gen(function* () {
  const posts: Array<Post> = []
  const server = createServer((request, answer) => {
    const parts: Array<Buffer> = []
    request.on("data", (part) => parts.push(part))
    request.on("end", () => {
      const { "content-type": type = "", "x-tenant": header = "" } = request.headers
      posts.push({ path: request.url ?? "", type, header: String(header), body: Buffer.concat(parts) })
      answer.end()
    })
  })
  return { posts, port: yield* listening(server) }
})

describe("a collector that the environment names", () => {
  const forms = [
    [
      "http/protobuf",
      "application/x-protobuf",
      fromProtobuf,
      { OTEL_SERVICE_NAME: "relay-of-racks" },
      "relay-of-racks"
    ],
    // Only `true` switches it off.
    ["http/json", "application/json", fromJson, { OTEL_SDK_DISABLED: "1" }, "lttng-relayd"]
  ] as const
  it.live.each(forms)("gets metrics and logs as %s", ([protocol, type, decoded, env, service]) =>
    Effect.gen(function* () {
      const { port, posts } = yield* collector
      const relay = yield* Relays.start("ours", {
        args: ["-v"],
        env: {
          OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
          OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
          OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=racks%20a",
          OTEL_METRIC_EXPORT_INTERVAL: "200",
          ...env
        }
      })
      const url = `net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`
      const session = yield* (yield* Target.make({ url, hostname: "h" })).session({ name: "told" })
      const stream = yield* session.stream({ path: "ust", channel: "ch_0" })
      const generator = SyntheticTrace.generator("01234567-89ab-cdef-0123-456789abcdef", 0, 4096, 0n)
      for (const end of [1000n, 2000n, 3000n]) yield* stream.packet(generator.next(end))
      const metrics = () =>
        posts.filter(({ path }) => path === "/v1/metrics").flatMap(({ body }) => decoded.metrics(body))
      const valuesOf = (name: string) => metrics().findLast((metric) => metric.name === name)?.values
      yield* Process.until(
        "three packets to be counted",
        () => valuesOf("lttng_relay_received_packets_total")?.[0] === 3
      )
      assert.deepStrictEqual(valuesOf("lttng_relay_sessions"), [1])
      assert.strictEqual(metrics().find(({ name }) => name === "lttng_relay_received_bytes_total")?.unit, "By")
      yield* session.close()
      relay.process.signal("SIGTERM")
      yield* relay.process.ended
      const said = posts.filter(({ path }) => path === "/v1/logs").flatMap(({ body }) => decoded.texts(body))
      assert.include(said.join("\n"), "session told#1 of h")
      for (const post of posts) {
        assert.deepInclude(post, { type, header: "racks a" })
        if (post.path === "/v1/metrics") assert.include(decoded.service(post.body), service)
      }
      assert.deepStrictEqual([...new Set(posts.map(({ path }) => path))].toSorted(), ["/v1/logs", "/v1/metrics"])
    })
  )
})
