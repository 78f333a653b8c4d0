/** The commands for operators as processes, over a unix socket of a real daemon that a `Target` streams to. */
import { readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Overview } from "../../src/admin/AdminApi.ts"
import * as LivePort from "../../src/cli/operator/LivePort.ts"
import * as TopView from "../../src/cli/operator/TopView.ts"
import { SyntheticTrace, Target } from "../../src/index.ts"
import * as ViewerUrl from "../../src/viewer/ViewerUrl.ts"
import { listening } from "../support/listening.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { attempt as toolbox } from "../support/toolbox.ts"

const path = "ust/uid/0/64-bit"
const uuid = "01234567-89ab-cdef-0123-456789abcdef"

type Settings = Pick<NonNullable<Parameters<typeof Relays.start>[1]>, "args" | "env">

/** A relay whose operator's socket, in `home`, answers. */
const operated = (home: string, { args = [], ...settings }: Settings = {}) =>
  Effect.gen(function* () {
    const socket = join(home, "http.sock")
    const relay = yield* Relays.start("ours", { ...settings, args: [`--http-port=unix://${socket}`, ...args] })
    yield* Process.until(
      "the operator's socket",
      Process.attempt("curl", ["-sf", "--unix-socket", socket, "http://localhost/livez"]),
      ({ code }) => code === 0
    )
    const streams = `net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`
    return { url: `unix://${socket}`, live: `net://127.0.0.1:${relay.livePort}`, streams }
  })

const setUp = Effect.gen(function* () {
  const home = yield* Relays.temporaryDirectory("operator")
  const tokenFile = join(home, "token")
  writeFileSync(tokenFile, "secret horse\n")
  const { streams, url } = yield* operated(home, { args: [`--http-token-file=${tokenFile}`] })
  const target = yield* Target.make({ url: streams, hostname: "web1" })
  const session = yield* target.session({ name: "checkout" })
  const stream = yield* session.stream({ path, channel: "ch_0" })
  const packet = SyntheticTrace.generator(uuid, 0, 4096, 0n).next(1000n)
  yield* stream.packet({ ...packet, eventsDiscarded: 77n })
  return { home, url, tokenFile }
})

describe("lttng-relay sessions", () => {
  it.live("prints of what sessions are called nothing that acts on the terminal", () =>
    Effect.gen(function* () {
      const relay = yield* operated(yield* Relays.temporaryDirectory("names"))
      const target = yield* Target.make({ url: relay.streams, hostname: "web\u001b[2J" })
      yield* target.session({ name: "a\n\u202egnp.exe\u009b31m", liveTimer: "1 second" })
      for (const url of [relay.live, relay.url]) {
        const { code, stderr, stdout } = yield* toolbox("sessions", url)
        assert.strictEqual(code, 0, stderr)
        assert.match(stdout, /^[^\n\p{Cc}\u202e]*web\\x1b\[2J\/a\\x0a\\u202egnp\.exe\\x9b31m[^\n]*\n$/u, url)
        const json = (yield* toolbox("sessions", "--json", url)).stdout
        assert.match(json, /^[^\n\p{Cc}\u202e]*\n$/u, url)
        assert.include(json, "web\\u001b[2J")
      }
    })
  )
})

describe("lttng-relay sessions by the operator's port", () => {
  it.live("has the URLs that viewers take, as by the live port", () =>
    Effect.gen(function* () {
      const relay = yield* operated(yield* Relays.temporaryDirectory("urls"))
      const target = yield* Target.make({ url: relay.streams, hostname: "web1" })
      yield* target.session({ name: "made", liveTimer: "1 second" })
      const url = `${relay.live}/host/web1/made`
      assert.match((yield* toolbox("sessions", relay.url)).stdout, new RegExp(`^\\d+ ${url} \\(timer 1000000 µs, `))
      for (const asked of [relay.live, relay.url]) {
        const [listed] = JSON.parse((yield* toolbox("sessions", "--json", asked)).stdout)
        assert.strictEqual(listed.url, url)
      }
    })
  )

  const at = (host: string, tls?: object) => ({ relay: { live: { host, port: 1, family: 4 } }, ...(tls && { tls }) })

  it.each([
    ["of every address is where it was asked", at("0.0.0.0"), "http://relay:5345", "net://relay:1"],
    ["of every address of IPv6 likewise", at("::"), "https://[2001:db8::1]:5345/", "net://[2001:db8::1]:1"],
    ["asked by a unix socket is here", at("::"), "unix:///run/relay.sock", "net://localhost:1"],
    ["of an address is there", at("192.0.2.1"), "tcp4://localhost", "net://192.0.2.1:1"],
    ["on loopback is there for its own host", at("localhost"), "http://127.0.0.1:5345", "net://localhost:1"],
    ["on loopback is for no other host", at("localhost"), "http://relay:5345", undefined],
    ["may take TLS only", at("relay", { live: "require" }), "http://relay", "tls://relay:1"],
    ["may take TLS, as it was asked", at("relay", { live: "allow" }), "https://relay", "tls://relay:1"],
    ["may take none, as it was asked", at("relay", { live: "allow" }), "http://relay", "net://relay:1"],
    ["is not known of an edge", { to: "net://relay" }, "http://edge", undefined],
    ["is not known where that is not told", undefined, "http://relay", undefined]
  ])("a live port %s", (_, configuration, asked, url) => {
    const address = LivePort.addressOf(configuration, asked)
    const session = { hostname: "h", sessionName: "s" }
    assert.strictEqual(address && ViewerUrl.format(address, session), url && `${url}/host/h/s`)
  })
})

describe("lttng-relay sessions where there is none", () => {
  it.live("says so to who looks on, and prints nothing for a script", () =>
    Effect.gen(function* () {
      const relay = yield* operated(yield* Relays.temporaryDirectory("none"))
      for (const url of [relay.live, relay.url]) {
        const said = { code: 0, stdout: "", stderr: "no session streams to this relay\n" }
        assert.deepInclude(yield* toolbox("sessions", url), said, url)
        assert.deepInclude(yield* toolbox("sessions", url, "--json"), { code: 0, stdout: "[]\n", stderr: "" }, url)
      }
      const { code, stderr } = yield* toolbox("sessions", `${relay.live}/host/web1/checkout`)
      assert.deepStrictEqual([code, stderr], [0, "no session checkout of web1 streams to this relay\n"])
    })
  )
})

describe("lttng-relay top", () => {
  it.live("--json says once what each session does", () =>
    Effect.gen(function* () {
      const { url } = yield* setUp
      const { code, stderr, stdout } = yield* toolbox("top", url, "--json", "--interval=100ms")
      assert.strictEqual(code, 0, stderr)
      const { sessions, ...all } = JSON.parse(stdout) as TopView.Figures
      assert.deepInclude(all, { sessionCount: 1, streamCount: 1, viewerCount: 0 })
      assert.strictEqual(sessions.length, 1)
      assert.deepInclude(sessions[0], { hostname: "web1", name: "checkout", eventsDiscarded: 77, bytesPerSecond: 0 })
    })
  )

  it.live("says in one line that nobody answers, and what a URL looks like", () =>
    Effect.gen(function* () {
      const absent = yield* toolbox("top", "http://127.0.0.1:1", "--json")
      assert.match(absent.stderr, /^[^\n]*http:\/\/127\.0\.0\.1:1 does not answer as a relay does[^\n]*\n$/)
      assert.notStrictEqual(absent.code, 0)
      const wrong = yield* toolbox("top", "net://127.0.0.1", "--json")
      assert.match(wrong.stderr, /is not http:\/\/HOST/)
    })
  )

  const session = (id: number, byteCount: number, name = `s${id}`): Overview["sessions"][number] => ({
    id,
    name,
    hostname: "h",
    liveTimerMicros: 0,
    isSnapshot: false,
    creationTimeSeconds: 0,
    streamCount: 1,
    viewerCount: 0,
    stallCount: 0,
    byteCount,
    packetCount: 0,
    eventsDiscarded: 0,
    packetsLost: 0,
    silenceMillis: 0,
    lagSeconds: 0,
    lagPacketCount: 0
  })
  const overview = (atMillis: number, sessions: Overview["sessions"]): Overview => {
    const byteCount = sessions.reduce((sum, one) => sum + one.byteCount, 0)
    const zero = { packetCount: 0, eventsDiscarded: 0, packetsLost: 0, traceChunkCount: 0, viewerCount: 0 }
    const memory = { memoryBytes: 0, memoryBytesMax: 1, halvesBytes: 0, halvesBytesMax: 1, openFileCount: 0 }
    const streamCount = 2 * sessions.length
    const counters = { ...zero, ...memory, byteCount, sessionCount: sessions.length, streamCount }
    const drain = { isDraining: false, sessionCount: sessions.length }
    return { atMillis, sessions, counters, drain, connections: { control: 1 } }
  }

  it("has the busiest first, and no rate of what was not there before", () => {
    const shown = TopView.figures(
      overview(0, [session(1, 0), session(2, 0)]),
      overview(2000, [session(1, 100), session(2, 500), session(3, 9000)])
    )
    assert.deepStrictEqual(
      shown.sessions.map(({ bytesPerSecond, id }) => [id, bytesPerSecond]),
      [
        [2, 250],
        [1, 50],
        [3, 0]
      ]
    )
    // The relay counts those of metadata, which no session's line does.
    assert.strictEqual(shown.streamCount, 3)
  })

  it("has rates by a clock of the relay that nobody sets", () => {
    const before = { ...overview(0, [session(1, 0)]), upMillis: 1000 }
    for (const atMillis of [3_600_000, -3_600_000]) {
      const after = { ...overview(atMillis, [session(1, 100)]), upMillis: 3000 }
      assert.strictEqual(TopView.figures(before, after).bytesPerSecond, 50)
    }
  })

  it.live("looks again where it is given the answer that it had", () =>
    Effect.gen(function* () {
      const [same, later] = [overview(0, [session(1, 0)]), overview(2000, [session(1, 100)])]
      const answers = [same, same, same, later]
      const server = createServer((_, response) => {
        response.setHeader("content-type", "application/json").end(JSON.stringify(answers.shift()))
      })
      const port = yield* listening(server)
      const { code, stderr, stdout } = yield* toolbox("top", `http://127.0.0.1:${port}`, "--json", "--interval=100ms")
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual(JSON.parse(stdout).bytesPerSecond, 50)
    })
  )

  it("has no rates of a look before which the clock of an earlier relay was set back", () => {
    const shown = TopView.figures(overview(3_600_000, [session(1, 0)]), overview(1000, [session(1, 100)]))
    assert.deepStrictEqual([shown.bytesPerSecond, shown.sessions[0]?.bytesPerSecond], [0, 0])
  })

  it.each([
    [999, "999 B/s"],
    [327_400, "327 kB/s"],
    [2_000_000_000, "2.00 GB/s"]
  ])("%i bytes in a second are %s", (bytes, text) => {
    const shown = TopView.figures(overview(0, [session(1, 0)]), overview(1000, [session(1, bytes)]))
    assert.match(TopView.lines(shown, "", { columns: 200, rows: 24 })[2] ?? "", new RegExp(`^${text}, 0 packets/s,`))
  })

  it("fits every terminal, and nothing that peers named moves the cursor", () => {
    const many = Array.from({ length: 100 }, (_, id) => session(id, id, `\x1b[2J${"n".repeat(300)}`))
    const shown = TopView.figures(overview(0, many), overview(1000, many))
    for (const size of [
      { columns: 80, rows: 24 },
      { columns: 20, rows: 6 },
      { columns: 300, rows: 200 }
    ]) {
      const lines = TopView.lines(shown, "http://relay:5345", size)
      assert.isAtMost(lines.length, Math.max(size.rows, 6))
      for (const line of lines) {
        assert.isAtMost([...line].length, size.columns)
        assert.notInclude(line, "\x1b")
      }
    }
  })

  it("has names in narrow terminals, and as many figures as have room beside them", () => {
    const shown = TopView.figures(
      overview(0, [session(1, 0)]),
      overview(1000, [session(1, 5000, "checkout-service-1")])
    )
    const [head, row] = [4, 5].map((at) => (width: number) => {
      const lines = TopView.lines(shown, "http://relay:5345", { columns: width, rows: 24 })
      return lines[at]?.trim().split(/ +/)
    })
    const all = "ID BYTES/S PKT/S LOST/S LOST LOSTPKT STREAMS VIEWERS LAG SILENT HOST/SESSION".split(" ")
    assert.deepStrictEqual(head?.(97), all)
    assert.deepStrictEqual(head?.(96), all.toSpliced(7, 1))
    assert.deepStrictEqual(head?.(80), "ID BYTES/S LOST/S LOST LOSTPKT LAG SILENT HOST/SESSION".split(" "))
    assert.deepStrictEqual(head?.(40), "ID BYTES/S HOST/SESSION".split(" "))
    assert.deepStrictEqual(row?.(40), ["1", "5000", "h/checkout-service-1"])
    assert.deepStrictEqual(head?.(26), ["HOST/SESSION"])
  })
})

describe("lttng-relay support", () => {
  it.live("leaves an archive that tar reads, with everything and without the token, and overwrites nothing", () =>
    Effect.gen(function* () {
      const { home, tokenFile, url } = yield* setUp
      const output = join(home, "support.tar")
      const args = ["support", url, `--token-file=${tokenFile}`, `--output=${output}`]
      const made = yield* toolbox(...args)
      assert.strictEqual(made.code, 0, made.stderr)
      const { stdout } = yield* Process.run("tar", ["-tf", output])
      const members = stdout.split("\n").map((name) => name.replace(/^[^/]*\//, ""))
      for (const name of ["configuration.json", "metrics.txt", "sessions.json", "closed-connections.json", "log.txt"]) {
        assert.include(members, name)
      }
      assert.deepStrictEqual(
        members.filter((name) => name.endsWith(".missing")),
        []
      )
      const content = readFileSync(output, "latin1")
      assert.include(content, '"name": "checkout"')
      assert.include(content, "lttng_relay_tracer_discarded_events_total 77")
      assert.notInclude(content, "secret horse")
      const again = yield* toolbox(...args)
      assert.strictEqual(again.code, 1)
      assert.match(again.stderr, /^Error: \S+: File exists\n$/)
      const other = join(home, "other")
      writeFileSync(other, "stable horse\n")
      const refused = yield* toolbox("drain", url, `--token-file=${other}`)
      const why = `the relay refuses: its --http-token-file has another token than ${other}`
      assert.deepStrictEqual([refused.code, refused.stderr], [1, `Error: ${why}\n`])
      assert.strictEqual(readFileSync(output, "latin1"), content)
    })
  )

  it.live("holds no secret, wherever the relay was given one", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("secrets")
      const secrets = [
        "tokenSecret1",
        "userSecret2",
        "headerSecret3",
        "queryOfSecret4",
        "keySecret5",
        "variableSecret6"
      ]
      const [token, user, header, query, variable] = secrets
      const [tokenFile, log] = [join(home, "token"), join(home, "log")]
      writeFileSync(tokenFile, `${token}\n`)
      const made = yield* Process.run(
        "sh",
        [
          "-c",
          "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=r -keyout key -out cert 2>&1; cat key",
          "sh"
        ],
        { cwd: home }
      )
      const keyLine = /-----\n(.{40})/.exec(made.stdout)?.[1] ?? assert.fail("no key")
      const { streams, url } = yield* operated(home, {
        args: [
          ...["-vvv", `--http-token-file=${tokenFile}`, `--log-file=${log}`],
          ...[`--tls-cert=${join(home, "cert")}`, `--tls-key=${join(home, "key")}`, "--tls=allow"]
        ],
        env: {
          OTEL_EXPORTER_OTLP_ENDPOINT: `http://admin:${user}@127.0.0.1:1/otlp?key=${query}`,
          OTEL_EXPORTER_OTLP_HEADERS: `authorization=Basic ${header}`,
          OTEL_METRIC_EXPORT_INTERVAL: "200",
          DATABASE_PASSWORD: variable ?? ""
        }
      })
      const target = yield* Target.make({ url: streams, hostname: "h" })
      yield* target.session({ name: "s" })
      // Wrong tokens, and an export that fails: what of it is said?
      for (const given of [token?.toUpperCase(), `${token}x`]) {
        yield* Process.attempt("curl", [
          ...["-s", "--unix-socket", url.slice("unix://".length), "-H", `authorization: Bearer ${given}`, "-X", "POST"],
          "http://localhost/api/v1/reload"
        ])
      }
      yield* Process.until("an export to have failed", () => readFileSync(log, "latin1").includes("EXPORT_FAILED"))
      const output = join(home, "support.tar")
      const archived = yield* toolbox("support", url, `--token-file=${tokenFile}`, `--output=${output}`)
      assert.strictEqual(archived.code, 0, archived.stderr)
      const content = `${readFileSync(output, "latin1")}${readFileSync(log, "latin1")}${archived.stdout}${archived.stderr}`
      assert.include(content, "CREATE_SESSION")
      for (const secret of [...secrets, keyLine]) assert.notInclude(content, secret)
    })
  )
})
