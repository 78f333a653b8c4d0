/** The edge as a process, and what is told of it: by itself, by its port, and by the relay behind it. */
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as tls from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Script from "../../src/testing/Script.ts"
import * as Tree from "../../src/testing/Tree.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Edges from "../support/edges.ts"
import { listening } from "../support/listening.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { attempt as toolbox } from "../support/toolbox.ts"
import { asClient, asRelay, certificates } from "../support/tunnels.ts"

const get = (port: number, path: string) =>
  Effect.promise(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`)
    return { status: answer.status, text: await answer.text() }
  })

const figure = (text: string, series: string) =>
  Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length)
  )

/** A relay and an edge with operators' ports, and a session of one packet, which the relay has. */
const begin = Effect.gen(function* () {
  const relayHttp = yield* Ports.free
  const edgeHttp = yield* Ports.free
  const token = join(yield* Relays.temporaryDirectory("operator"), "token")
  writeFileSync(token, "secret\n")
  const operator = [`--http-port=tcp://127.0.0.1:${relayHttp}`, `--http-token-file=${token}`]
  const relay = yield* Relays.start("ours", { args: operator })
  const edge = yield* Edges.start(relay, { args: [`--http-port=tcp://127.0.0.1:${edgeHttp}`, "--name=board"] })
  const script = Script.make(edge, Tree.onDisk(relay.output), () => {})
  const { c, d, file } = yield* script.recording()
  const stream = yield* c.addStream()
  yield* d.packet(stream, 0, 5000)
  yield* c.index(stream, { seq: 0 })
  yield* script.fileSize(file("ch_0"), 5000)
  return { relay, relayHttp, edge, edgeHttp, token }
})

describe("an edge", () => {
  it.live("does not start with a token that is empty: everybody would have it", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("token")
      const token = join(home, "token")
      writeFileSync(token, "\n")
      const listen = `--listen=127.0.0.1:${yield* Ports.free},${yield* Ports.free}`
      const port = [`--http-port=unix://${home}/http`, `--http-token-file=${token}`]
      const { code, stderr } = yield* toolbox("edge", "--to=net://127.0.0.1", listen, `--spool=${home}/spool`, ...port)
      assert.strictEqual(code, 1)
      assert.include(stderr, `--http-token-file=${token}: it is empty`)
    })
  )

  it.live("says how it is: in its status, by its port, and at the relay, also when it is gone", () =>
    Effect.gen(function* () {
      const { edge, edgeHttp, relayHttp, token } = yield* begin
      const sessions = Effect.map(toolbox("sessions", `http://127.0.0.1:${relayHttp}`), ({ stdout }) => stdout)
      const shown = (pattern: RegExp) =>
        Process.until(`${pattern}`, sessions, (text) => pattern.test(text), { everyMillis: 200 })
      yield* shown(/edge board connected, up to date, spool \d+\.\d KiB\)/)
      yield* Process.until(
        "its status",
        toolbox("edge", "status", `--spool=${edge.spool}`),
        ({ stdout }) =>
          /link: 1 session connected; lost 0 times; the relay is up to date\nspool: 5\.\d KiB of 10\.0 GiB/.test(
            stdout
          ),
        { everyMillis: 200 }
      )
      mkdirSync(`${edge.spool}/${"5".repeat(32)}.lost`)
      writeFileSync(`${edge.spool}/${"5".repeat(32)}.lost/0000000000000007.journal`, Buffer.alloc(3 * 1024))
      const aside = yield* toolbox("edge", "status", `--spool=${edge.spool}`)
      assert.include(aside.stdout, `\nput aside of a session: 3.0 KiB in ${edge.spool}/55555555….lost\n`)
      const json = yield* toolbox("edge", "status", "--json", `--spool=${edge.spool}`)
      const found = [{ directory: `${edge.spool}/55555555….lost`, byteCount: 3072, isFromBeginning: false }]
      assert.deepStrictEqual(JSON.parse(json.stdout).aside, found)
      assert.strictEqual((yield* get(edgeHttp, "/livez")).status, 200)
      const ready = yield* get(edgeHttp, "/readyz")
      assert.deepInclude(JSON.parse(ready.text), { isReady: true })
      const { text } = yield* get(edgeHttp, "/metrics")
      assert.isAbove(figure(text, "lttng_relay_edge_spool_bytes"), 5000)
      assert.isAbove(figure(text, "lttng_relay_edge_heard_bytes_total"), 5000)
      assert.strictEqual(figure(text, "lttng_relay_edge_link_up"), 1)
      assert.strictEqual(figure(text, 'lttng_relay_edge_journals{state="recording"}'), 1)
      const { text: before } = yield* get(relayHttp, "/metrics")
      assert.strictEqual(figure(before, 'lttng_relay_sessions_by_edge{state="connected"}'), 1)
      edge.process.signal("SIGKILL")
      yield* shown(/edge board gone for \d+ s: suspended, up to date, spool/)
      const { text: after } = yield* get(relayHttp, "/metrics")
      assert.strictEqual(figure(after, 'lttng_relay_sessions_by_edge{state="suspended"}'), 1)
      const drained = yield* toolbox("drain", `http://127.0.0.1:${relayHttp}`, `--token-file=${token}`)
      assert.match(drained.stdout, /^Drained: no session is left but 1 by edges, which go on [^\n]*\n$/)
    })
  )

  it.live("says that its spool is gone, and goes on with what it has open", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours")
      const edge = yield* Edges.start(relay)
      const script = Script.make(edge, Tree.onDisk(relay.output), () => {})
      const { c, d, file } = yield* script.recording()
      const stream = yield* c.addStream()
      renameSync(edge.spool, `${edge.spool}.away`)
      yield* Process.said(edge.process, (output) => output.includes("SPOOL_GONE"))
      yield* d.packet(stream, 0, 5000)
      yield* c.index(stream, { seq: 0 })
      yield* script.fileSize(file("ch_0"), 5000)
    })
  )

  it.live("says by its port and its status what compression saves", () =>
    Effect.gen(function* () {
      const http = yield* Ports.free
      const relay = yield* Relays.start("ours")
      const edge = yield* Edges.start(relay, { args: [`--http-port=tcp://127.0.0.1:${http}`, "--compress=on"] })
      const script = Script.make(edge, Tree.onDisk(relay.output), () => {})
      const { c, d, file } = yield* script.recording()
      const stream = yield* c.addStream()
      yield* d.packet(stream, 0, 50_000)
      yield* c.index(stream, { seq: 0 })
      yield* script.fileSize(file("ch_0"), 50_000)
      const status = toolbox("edge", "status", `--spool=${edge.spool}`)
      yield* Process.until("its status", status, ({ stdout }) => /; saved by compression 4\d\.\d KiB\n/.test(stdout))
      const { text } = yield* get(http, "/metrics")
      assert.isAbove(figure(text, "lttng_relay_edge_saved_bytes_total"), 40_000)
    })
  )

  it.live("shows what another one brings, where it passes", () =>
    Effect.gen(function* () {
      const http = yield* Ports.free
      const relay = yield* Relays.start("ours")
      const far = yield* Edges.start(relay, { args: [`--http-port=tcp://127.0.0.1:${http}`, "--name=gateway"] })
      const near = yield* Edges.start(far, { args: ["--name=board"] })
      const script = Script.make(near, Tree.onDisk(relay.output), () => {})
      const { c, d, file } = yield* script.recording()
      const stream = yield* c.addStream()
      yield* d.packet(stream, 0, 5000)
      yield* c.index(stream, { seq: 0 })
      yield* script.fileSize(file("ch_0"), 5000)
      // What the edge says of itself it says from time to time.
      const sessions = toolbox("sessions", `http://127.0.0.1:${http}`)
      yield* Process.until("it to be up to date", sessions, ({ stdout }) =>
        /^h\/s \(passes: edge board connected, up to date, spool \d+\.\d KiB\)\n$/.test(stdout)
      )
      const { stdout: json } = yield* toolbox("sessions", "--json", `http://127.0.0.1:${http}`)
      const [{ edge, name, passes }] = JSON.parse(json)
      assert.deepStrictEqual(
        { edge, name, passes },
        { edge: { name: "board", isConnected: true }, name: "s", passes: true }
      )
    })
  )

  it.live("is the only one on its spool, until it is gone", () =>
    Effect.gen(function* () {
      const { edge, relay } = yield* begin
      const to = `--to=net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`
      const another = ["edge", to, "--listen=127.0.0.1:0,0", `--spool=${edge.spool}/.`]
      const refused = yield* toolbox(...another)
      assert.deepStrictEqual([refused.code, refused.stderr.includes("another edge is running there")], [1, true])
      assert.strictEqual((yield* toolbox(...another, "--check")).code, 1)
      edge.process.signal("SIGKILL")
      yield* edge.process.ended
      const next = yield* Edges.start(relay, { spool: edge.spool })
      yield* Edges.forwarded(next)
    })
  )

  it.live("does not start on a disk so small that it might stand still there for ever", () =>
    Effect.gen(function* () {
      const spool = join(yield* Relays.temporaryDirectory("small"), "spool")
      yield* Relays.volume(spool, 4 * 1024 * 1024, 0)
      const start = ["edge", "--to=net://127.0.0.1:1:2", "--listen=127.0.0.1:0,0", `--spool=${spool}`]
      for (const args of [start, [...start, "--spool-limit=1M", "--check"]]) {
        const { code, stderr } = yield* toolbox(...args)
        assert.deepStrictEqual(
          [code, stderr.includes(`--spool=${spool}: its file system has 4194304 bytes in all`)],
          [1, true]
        )
      }
    })
  )

  it.live("is checked without being started", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("edge")
      const relay = yield* Relays.start("ours")
      const to = `--to=net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`
      const spool = join(home, "spool")
      const check = (...args: ReadonlyArray<string>) => toolbox("edge", "--check", "--listen=127.0.0.1:0,0", ...args)
      const good = yield* check(to, `--spool=${spool}`, "--spool-limit=1M")
      assert.deepStrictEqual([good.code, good.stderr], [0, ""])
      assert.isUndefined(Tree.files(home).at(0))
      const away = yield* check("--to=net://127.0.0.1:1:2", `--spool=${spool}`, "--spool-limit=1M")
      assert.deepStrictEqual([away.code, away.stderr.includes("Warning: the relay does not answer")], [0, true])
      const busy = yield* toolbox("edge", "--check", to, `--listen=127.0.0.1:${relay.dataPort},0`, `--spool=${spool}`)
      assert.deepStrictEqual([busy.code, busy.stderr.includes("The control port 127.0.0.1:")], [1, true])
      for (const wrong of ["--spool=", "--copy=", "--overflow=drop:debug", "--name=", `--name=${"n".repeat(256)}`]) {
        const { code, stderr } = yield* check(to, wrong)
        assert.deepStrictEqual([code, stderr.includes(wrong.replace(/=.*/, ""))], [2, true], wrong)
      }
      const { code, stderr } = yield* toolbox("edge", to, "--listen=127.0.0.1:0,0", "--spool=/proc/spool")
      assert.deepStrictEqual([code, stderr.includes("--spool=/proc/spool: No such file or directory")], [1, true])
      const back = yield* toolbox("edge", "--check", "--to=net://localhost:4321", "--listen=127.0.0.1:4321,4322")
      assert.deepStrictEqual([back.code, back.stderr.includes("this edge itself listens")], [2, true])
      const copied = yield* check(
        to,
        `--spool=${spool}`,
        "--spool-limit=1M",
        "--live=127.0.0.1:0",
        `--copy=${toolboxProgram}`
      )
      assert.deepStrictEqual([copied.code, copied.stderr], [0, `Warning: --copy=${toolboxProgram}: Not a directory\n`])
      const unseen = yield* check(to, `--spool=${spool}`, `--live=127.0.0.1:${relay.dataPort}`, `--copy=${home}/copy`)
      assert.deepStrictEqual([unseen.code, unseen.stderr.includes("The live port 127.0.0.1:")], [1, true])
      const nowhere = yield* check(to, `--spool=${toolboxProgram}/spool`)
      assert.strictEqual(nowhere.code, 1)
      symlinkSync("nothing", join(home, "link"))
      const linked = yield* check(to, `--spool=${home}/link`)
      assert.deepStrictEqual([linked.code, linked.stderr.includes("link: No such file or directory")], [1, true])
    })
  )
})

Peers.describeWithPeers(["openssl"], "an edge of a relay over TLS", () => {
  it.live("is told, as a tunnel is, that the relay is another one, or takes nobody like it", () =>
    Effect.gen(function* () {
      const pki = yield* certificates
      const spool = join(yield* Relays.temporaryDirectory("edge"), "spool")
      const relay = yield* Relays.start("ours", { args: asRelay(pki) })
      const to = `--to=tls://localhost:${relay.controlPort}`
      const own = asClient(pki, "target-web1")
      const edge = ["edge", "--check", "--listen=127.0.0.1:0,0", `--spool=${spool}`, "--spool-limit=1M"]
      const tunnel = ["tunnel", "--check", "--listen=127.0.0.1:0,0,0"]
      const cases: ReadonlyArray<readonly [ReadonlyArray<string>, number, RegExp]> = [
        [[to, ...own], 0, /^$/],
        [
          [to, ...own, "--tls-name=other.example"],
          1,
          /^Error: .*: TLS: its certificate is for DNS:localhost.*, not for other\.example: .* --tls-name /
        ],
        [[to, `--tls-ca=${pki}/ca.pem`], 1, /^Error: .*: TLS: it ends the connection before a word: it may ask for a/],
        [[to, ...own.slice(1)], 1, /^Error: .*: TLS: its certificates are signed by .* --tls-ca /]
      ]
      for (const [args, code, said] of cases) {
        for (const command of [edge, tunnel]) {
          const outcome = yield* toolbox(...command, ...args)
          assert.deepStrictEqual([outcome.code, said.test(outcome.stderr)], [code, true], outcome.stderr)
        }
      }
      const plain = yield* toolbox(...edge, `--to=net://localhost:${relay.controlPort}:${relay.dataPort}`)
      assert.match(plain.stderr, /^Warning: the relay does not answer: .*, one that needs no TLS,/)
      const viewer = yield* toolbox("sessions", `net://localhost:${relay.livePort}`)
      assert.match(viewer.stderr, /it refuses us: closed by the peer; it may take TLS only \(tls:\/\/\)\n$/)
      const away = yield* toolbox(...edge, "--to=tls://127.0.0.1:1", ...own)
      assert.deepStrictEqual([away.code, /^Warning: the relay does not answer/.test(away.stderr)], [0, true])
    })
  )

  it.live(
    "is told that what answers is no relay, or one too old for an edge, which a tunnel carries to all the same",
    () =>
      Effect.gen(function* () {
        const pki = yield* certificates
        const spool = join(yield* Relays.temporaryDirectory("edge"), "spool")
        const own = { cert: readFileSync(join(pki, "relay.pem")), key: readFileSync(join(pki, "relay.key")) }
        const versions: ReadonlyArray<readonly [Buffer, RegExp, RegExp]> = [
          [Buffer.of(0, 0, 0, 2, 0, 0, 0, 3), /^Error: .*: speaks 2.3, an edge needs 2.4 or later$/m, /^$/],
          [
            Buffer.from("HTTP/1.1 400 Bad"),
            /^Error: .*: what answers there is no relay$/m,
            /what answers there is no relay/
          ]
        ]
        for (const [answer, edgeSaid, tunnelSaid] of versions) {
          const options = { ...own, ALPNProtocols: ["lttng-control"] }
          const server = tls.createServer(options, (socket) => socket.once("data", () => socket.write(answer)))
          const to = [`--to=tls://localhost:${yield* listening(server)}`, `--tls-ca=${pki}/ca.pem`]
          const edge = yield* toolbox("edge", "--check", "--listen=127.0.0.1:0,0", `--spool=${spool}`, ...to)
          assert.strictEqual(edge.code, 1)
          assert.match(edge.stderr, edgeSaid)
          const tunnel = yield* toolbox("tunnel", "--check", "--listen=127.0.0.1:5342,,", ...to)
          assert.match(tunnel.stderr, tunnelSaid)
          assert.strictEqual(tunnel.code, tunnel.stderr === "" ? 0 : 1)
        }
      })
  )
})
