/** Collectors that do not do what one does, and a daemon that records all the same; variables that cannot be meant. */
import { createServer, type Server, type ServerResponse } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ExportVariables from "../../src/config/ExportVariables.ts"
import { SyntheticTrace, Target } from "../../src/index.ts"
import * as Daemons from "../daemon/daemons.ts"
import { listening } from "../support/listening.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

interface Bad {
  readonly server: Server
  readonly port: number
  requestCount: number
  openCount: number
  openCountMax: number
  answer: (answer: ServerResponse) => void
}

/** Reads what is posted, and does with the answer what `answer` does. */
const collector = (answer: Bad["answer"]) =>
  Effect.gen(function* () {
    const server = createServer((request, response) => {
      bad.requestCount++
      bad.openCountMax = Math.max(bad.openCountMax, ++bad.openCount)
      response.once("close", () => bad.openCount--)
      request.resume().once("end", () => bad.answer(response))
    })
    const port = yield* listening(server)
    const bad: Bad = { server, port, requestCount: 0, openCount: 0, openCountMax: 0, answer }
    return bad
  })

const good = (answer: ServerResponse) => void answer.end("{}")

const chunk = Buffer.alloc(64 * 1024)
const flood = (answer: ServerResponse): void => {
  while (!answer.closed && answer.write(chunk));
  if (!answer.closed) answer.once("drain", () => flood(answer))
}

const started = (port: number, env: Readonly<Record<string, string>> = {}, args: ReadonlyArray<string> = []) =>
  Relays.start("ours", {
    args,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_METRIC_EXPORT_INTERVAL: "20",
      OTEL_LOGS_EXPORTER: "none",
      ...env
    }
  })

const record = ({ controlPort, dataPort }: { readonly controlPort: number; readonly dataPort: number }) =>
  Effect.gen(function* () {
    const target = yield* Target.make({ url: `net://127.0.0.1:${controlPort}:${dataPort}`, hostname: "h" })
    const session = yield* target.session({ name: "told" })
    const stream = yield* session.stream({ path: "ust", channel: "ch_0" })
    yield* stream.packet(SyntheticTrace.generator("01234567-89ab-cdef-0123-456789abcdef", 0, 4096, 0n).next(1000n))
    yield* session.close()
  })

describe("a collector", () => {
  const bads: ReadonlyArray<readonly [string, Bad["answer"], string]> = [
    ["hangs", () => undefined, "no answer in time"],
    ["answers without end", flood, ""],
    ["refuses", (answer) => void answer.writeHead(400).end("no"), "answers with 400"],
    ["goes away", (answer) => answer.destroy(), "other side closed"]
  ]
  it.live.each(bads)("that %s is asked one thing at a time, and told of once", ([, answer, reason]) =>
    Effect.gen(function* () {
      const bad = yield* collector(answer)
      // Of those that answer none may be late, however busy the machine is.
      const patience = { "": "2000", "no answer in time": "300" }[reason]
      const relay = yield* started(bad.port, patience === undefined ? {} : { OTEL_EXPORTER_OTLP_TIMEOUT: patience })
      if (reason === "") {
        yield* Process.until("it to be asked again and again", () => bad.requestCount > 5)
      } else yield* Process.said(relay.process, "EXPORT_FAILED")
      yield* record(relay)
      assert.strictEqual(bad.openCountMax, 1)
      const warnings = (yield* Process.lastSaid(relay.process)).match(/^Warning: .*code=EXPORT_FAILED.*$/gm) ?? []
      assert.lengthOf(warnings, reason === "" ? 0 : 1)
      assert.include(warnings.join(), reason)
      assert.strictEqual((yield* relay.process.ended).code, 0)
    })
  )

  it.live("of a URL with a user and a path is asked as that user, and the log names neither", () =>
    Effect.gen(function* () {
      const refusing = yield* collector((answer) => void answer.writeHead(503).end())
      const asked: Array<readonly [string | undefined, string | undefined]> = []
      refusing.server.prependListener("request", ({ headers, url }) => asked.push([headers.authorization, url]))
      for (const port of [refusing.port, 1]) {
        const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://user:sec%3Aret@127.0.0.1:${port}/s3cret` }
        const relay = yield* started(port, endpoint, ["-v"])
        yield* Process.said(relay.process, "Disabling exporter")
        assert.notMatch(yield* Process.lastSaid(relay.process), /sec:ret|sec%3Aret|s3cret|user:/)
      }
      assert.deepStrictEqual(asked[0], [`Basic ${btoa("user:sec:ret")}`, "/s3cret/v1/metrics"])
    })
  )

  it.live("that is slow gets the newest sums, however many were read meanwhile", () =>
    Effect.gen(function* () {
      const slow = yield* collector((answer) => void setTimeout(good, 150, answer))
      const relay = yield* started(slow.port)
      yield* Process.until("it to be asked again", () => slow.requestCount > 3, { seconds: 60 })
      assert.strictEqual(slow.openCountMax, 1)
      assert.notInclude(yield* Process.lastSaid(relay.process), "EXPORT_FAILED")
    })
  )
})

describe("variables of OpenTelemetry", () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" }
  it("that cannot be meant are named, and no value of them is told", () => {
    for (const [name, value] of [
      ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"],
      ["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "unix:///x"],
      ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"],
      ["OTEL_EXPORTER_OTLP_METRICS_HEADERS", "a=%zz"],
      ["OTEL_EXPORTER_OTLP_HEADERS", "a b=1"],
      ["OTEL_EXPORTER_OTLP_HEADERS", "secret"],
      ["OTEL_EXPORTER_OTLP_HEADERS", "a=b%0d%0ac: d"],
      ["OTEL_EXPORTER_OTLP_COMPRESSION", "br"],
      ["OTEL_EXPORTER_OTLP_TIMEOUT", "10s"],
      ["OTEL_METRIC_EXPORT_INTERVAL", "0"],
      ["OTEL_METRIC_EXPORT_INTERVAL", "-5"],
      ["OTEL_METRIC_EXPORT_INTERVAL", "4294967296"],
      ["OTEL_BLRP_SCHEDULE_DELAY", "1e3"],
      ["OTEL_RESOURCE_ATTRIBUTES", "a"],
      ["OTEL_RESOURCE_ATTRIBUTES", "=b"]
    ] as const) {
      const [complaint = "", ...more] = ExportVariables.complaints({ ...endpoint, [name]: value })
      assert.match(complaint, new RegExp(`^${name} must be `), `${name}=${value}`)
      assert.isEmpty(more)
      assert.notInclude(complaint, "secret")
    }
  })

  it("that can be meant, are empty, or are of no use because nothing is exported, are let be", () => {
    const all = {
      ...endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20YTpi, x-tenant = racks%20a",
      OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: "http/json",
      OTEL_METRIC_EXPORT_INTERVAL: "1000",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test,empty=",
      OTEL_EXPORTER_OTLP_TIMEOUT: "",
      OTEL_LOGS_EXPORTER: "console"
    }
    assert.deepStrictEqual(ExportVariables.complaints(all), [])
    assert.isTrue(ExportVariables.isExportAsked(all))
    const bad = { ...endpoint, OTEL_METRIC_EXPORT_INTERVAL: "x" }
    assert.deepStrictEqual(ExportVariables.complaints({ ...bad, OTEL_SDK_DISABLED: "TRUE" }), [])
    assert.deepStrictEqual(ExportVariables.complaints({ ...bad, OTEL_EXPORTER_OTLP_ENDPOINT: "" }), [])
  })

  it.live("stop a start with one line", () =>
    Effect.gen(function* () {
      const env = { ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: "a=%zz" }
      const at = yield* Daemons.place
      const { code, stderr } = yield* Daemons.attempt("ours", at, at.urls, { env })
      assert.strictEqual(code, 1)
      assert.match(stderr, /^Error: OTEL_EXPORTER_OTLP_HEADERS must be .*\[code=START_EXPORT\]\n$/)
    })
  )
})
