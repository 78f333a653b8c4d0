/**
 * `follow --wait` over the end of a relay, real processes all: while it waits for a session, and while it shows one. It
 * says so, waits for the relay and the session, and goes on; nothing is shown twice.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as Connect from "../../src/protocol/live/Connect.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Load from "../support/load.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { asClient, asRelay, certificates } from "../support/tunnels.ts"

const env = { TZ: "UTC", LC_ALL: "C.UTF-8" }
const toolbox = (...args: ReadonlyArray<string>) => Process.daemon(process.execPath, [toolboxProgram, ...args], { env })

/** A session of a second, which goes on once it has so many viewers. */
const brief = (relay: Relays.Relay, viewerCount: number) =>
  Effect.gen(function* () {
    const how = ["--live=100ms", "--rate=20", "--hostname=h", "--session=s", "--packets=20"]
    const { goOn, running } = yield* Load.held(relay, ...how)
    yield* Process.said(relay.process, (output) => output.split("viewer attached to s-0").length > viewerCount)
    yield* goOn
    return running
  })

/** The reply to a viewer's first request, which has the layout of that: before it, one that is gone was no relay. */
const greetingBytes = Connect.requestSize

/** So many viewers have read the greeting of the relay at that port: it has answered what they asked for then. */
const greetedBy = (port: number) =>
  Effect.map(Process.run("ss", ["--tcp", "--info", "--no-header", "dst", `:${port}`]), ({ stdout }) => {
    const received = [...stdout.matchAll(/bytes_received:(\d+)/g)]
    return received.filter(([, byteCount]) => Number(byteCount) > greetingBytes).length
  })

Peers.describeWithPeers(["babeltrace2", "ss"], "follow --wait", () => {
  it.live("a relay that is restarted is waited for, and the next session of the name", () =>
    Effect.gen(function* () {
      const livePort = yield* Ports.free
      const started = Effect.gen(function* () {
        const scope = yield* Scope.fork(yield* Effect.scope)
        const relay = yield* Scope.provide(Relays.start("ours", { livePort, args: ["-v"] }), scope)
        const killed = Effect.gen(function* () {
          relay.process.signal("SIGKILL")
          yield* Scope.close(scope, Exit.void)
        })
        return { relay, killed }
      })
      const first = yield* started
      const url = `net://127.0.0.1:${livePort}/host/h/s-0`
      const follow = yield* toolbox("follow", "--wait", url)
      const packets = yield* toolbox("follow", "--wait", "--packets", "--json", url)
      yield* Process.until("both to be greeted", greetedBy(livePort), (count) => count === 2)
      yield* first.killed
      const second = yield* started
      const streaming = `net://127.0.0.1:${second.relay.controlPort}:${second.relay.dataPort}`
      yield* toolbox("load", "--live=100ms", "--rate=20", "--hostname=h", "--session=s", "--duration=1h", streaming)
      const countIn = (output: string) => output.split("load:tick").length - 1
      yield* Process.said(follow, (output) => countIn(output) > 100, { seconds: 30 })
      yield* Process.said(packets, '"event":"packet"', { seconds: 30 })
      yield* second.killed
      const before = countIn(yield* Process.said(follow, "WARNING: connection to "))
      const third = yield* started
      yield* brief(third.relay, 2)
      const { code, stderr, stdout } = yield* follow.ended
      assert.strictEqual(code, 0, stderr)
      const lines = stdout.trimEnd().split("\n")
      assert.isAbove(lines.length, before)
      assert.strictEqual(new Set(lines).size, lines.length)
      const { stdout: recorded } = yield* Process.run("babeltrace2", [third.relay.output], { env })
      const [all, tail] = [recorded, stdout].map((text) => text.match(/seq = \d+/g) ?? [])
      assert.isAbove(all?.length ?? 0, 100)
      assert.deepStrictEqual(tail?.slice(-(all?.length ?? 0)), all)
      const { stdout: told } = yield* packets.ended
      const counted = (
        JSON.parse(told.trimEnd().split("\n").at(-1) ?? "") as {
          streams: ReadonlyArray<{ stream: string; packets: number }>
        }
      ).streams
      const data = counted.filter(({ stream }) => !stream.endsWith("/metadata"))
      assert.strictEqual(data.at(-1)?.packets, 20)
      assert.lengthOf(data, 2)
    })
  )
})

Peers.describeWithPeers(["openssl"], "follow --wait through a tunnel", () => {
  it.live("a relay that is not there yet is waited for; one that refuses us is not", () =>
    Effect.gen(function* () {
      const [pki, strange] = [yield* certificates, yield* certificates]
      const livePort = yield* Ports.free
      const led = (...identity: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const port = yield* Ports.free
          const to = `--to=tls://localhost:${livePort}`
          yield* toolbox("tunnel", to, `--listen=127.0.0.1:,,${port}`, ...identity)
          yield* Process.until("the tunnel to listen", () => Ports.listening(port))
          return { port, follow: yield* toolbox("follow", "--wait", `net://127.0.0.1:${port}/host/h/s-0`) }
        })
      const ours = yield* led(...asClient(pki, "viewer-alice"))
      const nobodys = `WARNING: 127.0.0.1:${ours.port}: not a relay's live port, or no relay behind it: `
      yield* Process.said(ours.follow, nobodys)
      const relay = yield* Relays.start("ours", {
        livePort,
        args: ["-v", "--tls=allow,live=require", ...asRelay(pki).slice(1)]
      })
      yield* Process.said(ours.follow, "WARNING: no live session s-0 of host h; waiting\n")
      const mine = yield* brief(relay, 1)
      const { code, stderr, stdout } = yield* ours.follow.ended
      assert.strictEqual(code, 0, stderr)
      assert.isAbove(stdout.split("load:tick").length, 20)
      assert.strictEqual(stderr.split(nobodys).length, 2)
      assert.strictEqual((yield* mine.ended).code, 0)
      const ofOthers = [`--tls-ca=${pki}/ca.pem`, ...asClient(strange, "viewer-alice").slice(1)]
      const refused = [ofOthers, [`--tls-ca=${pki}/ca.pem`], [...asClient(pki, "viewer-alice"), "--tls-name=other"]]
      for (const identity of refused) {
        const { follow } = yield* led(...identity)
        const { code, stderr } = yield* follow.ended
        assert.strictEqual(code, 1)
        assert.include(stderr, "not a relay's live port, or it refuses us: closed by the peer")
      }
    })
  )
})
