/**
 * TLS on a relay's ports, with clients of the platform: what is let in reaches the part of the relay that it asked for,
 * in the order and as whole as over TCP; what is not is refused alone.
 */
import { readFileSync } from "node:fs"
import * as net from "node:net"
import { join } from "node:path"
import { Duplex } from "node:stream"
import * as tls from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, type Scope } from "effect"
import * as Authority from "../../src/cli/certs/Authority.ts"
import type { Made } from "../../src/cli/certs/Request.ts"
import * as Revocation from "../../src/cli/certs/Revocation.ts"
import * as Machine from "../../src/Machine.ts"
import { until } from "../../src/testing/Waiting.ts"
import { type Door, waitingCountMax } from "../../src/transport/Door.ts"
import { listen } from "../../src/transport/Listener.ts"
import type { Peer } from "../../src/transport/Peer.ts"
import { type Mode, type Role, roles } from "../../src/transport/tls/Tls.ts"
import * as TlsTerminal from "../../src/transport/tls/TlsTerminal.ts"
import { listening } from "../support/listening.ts"
import * as Relays from "../support/relays.ts"

const text = (path: string) => readFileSync(path, "utf8")

interface Heard {
  readonly role: Role
  readonly text: string
  readonly names: ReadonlyArray<string>
}

/** Answers what it hears in capitals; tells what it heard when the peer has ended. */
const answering = (role: Role, heard: Queue.Queue<Heard>) => (peer: Peer) =>
  Effect.suspend(() => {
    let all = ""
    peer.start({
      receive: (bytes, length) => {
        const part = bytes.toString("latin1", 0, length)
        all += part
        peer.send(Buffer.from(part.toUpperCase(), "latin1"))
        return true
      },
      ended: () => {
        Queue.offerUnsafe(heard, { role, text: all, names: peer.certificate?.alternativeNames ?? [] })
        peer.close()
      },
      drained: () => {}
    })
    return Effect.callback<void>((resume) => peer.whenGone(() => resume(Effect.void)))
  })

const pki = Effect.gen(function* () {
  const directory = yield* Relays.temporaryDirectory("certs")
  const { authority, relay } = yield* Authority.init(join(directory, "ours"), ["localhost", "127.0.0.1"])
  const web1 = yield* Authority.client(join(directory, "ours"), "target", "web1")
  yield* Authority.init(join(directory, "theirs"), ["localhost"])
  const stranger = yield* Authority.client(join(directory, "theirs"), "target", "web1")
  const read = ({ certificate, key }: Made) => ({ cert: text(certificate), key: text(key) })
  return { ca: text(authority.certificate), relay: read(relay), web1: read(web1), stranger: read(stranger) }
})

const start = Effect.fnUntraced(function* (mode: Mode, hasClientCa = true, countMax = 100) {
  const { ca, relay, ...clients } = yield* pki
  const identity = { certificate: relay.cert, key: relay.key, clientCa: hasClientCa ? ca : undefined }
  const terminal = yield* TlsTerminal.make(identity, { serves: (purpose) => purpose !== "http" })
  const entrances = { terminal, isProxy: undefined, welcomes: new Map() }
  const heard = yield* Queue.unbounded<Heard>()
  const refused = yield* Queue.unbounded<string>()
  const limit = { countMax, count: 0, onChange: () => {}, doors: new Set<Door>() }
  const ports = new Map<Role, number>()
  for (const role of roles) {
    const { port } = yield* listen(
      {
        name: role,
        address: { host: "127.0.0.1", port: 0, family: 4 },
        keepAlive: undefined,
        stallMillis: undefined,
        limit,
        admission: {
          admits: () => true,
          onRefused: (_peer, reason) => void Queue.offerUnsafe(refused, reason),
          onReported: () => {}
        },
        door: { mode, purpose: role, entrances }
      },
      answering(role, heard)
    )
    ports.set(role, port)
  }
  return { ca, clients, heard, identity, limit, port: (role: Role) => ports.get(role) ?? 0, refused, terminal }
})

/** Writes, ends, and reads to the end. */
const converse = (socket: net.Socket, said: string): Effect.Effect<string> =>
  Effect.callback((resume) => {
    let answer = ""
    socket.on("data", (bytes: Buffer) => {
      answer += bytes.toString("latin1")
      if (answer.length >= said.length) socket.end()
    })
    socket.on("end", () => socket.end())
    socket.on("error", () => undefined)
    socket.on("close", () => resume(Effect.succeed(answer)))
    socket.write(said)
  })

const plain = (port: number) => net.connect({ host: "127.0.0.1", port, allowHalfOpen: true })
const secure = (port: number, ca: string, more: tls.ConnectionOptions = {}) =>
  tls.connect({ host: "127.0.0.1", port, ca, ...more })

/** Calls what a client writes, byte by byte, into another socket. */
const bytewise = (port: number, options: tls.ConnectionOptions): Effect.Effect<tls.TLSSocket, never, Scope.Scope> =>
  Effect.gen(function* () {
    const proxy = net.createServer((near) => {
      const far = net.connect({ host: "127.0.0.1", port, noDelay: true })
      far.on("error", () => near.destroy()).pipe(near)
      near.on("error", () => far.destroy())
      let waiting = Promise.resolve()
      let count = 0
      near.on("data", (bytes: Buffer) => {
        for (const byte of bytes) {
          // The handshake's first message, and more of it than any has.
          if (count++ > 600) waiting = waiting.then(() => void far.write(Buffer.of(byte)))
          else waiting = waiting.then(() => new Promise((done) => far.write(Buffer.of(byte), () => setImmediate(done))))
        }
      })
      near.on("end", () => void waiting.then(() => far.end()))
    })
    const proxyPort = yield* listening(proxy)
    return tls.connect({ ...options, host: "127.0.0.1", port: proxyPort })
  })

/** What a client says first, and no more. */
const firstHello = Effect.callback<Buffer>((resume) => {
  const wire = new Duplex({ read: () => {}, write: (bytes: Buffer) => resume(Effect.succeed(bytes)) })
  tls.connect({ socket: wire, servername: "localhost" }).on("error", () => undefined)
})

describe("TLS on a port", () => {
  it.live("is taken beside plain TCP where it is allowed, and chooses a part of the relay by name", () =>
    Effect.gen(function* () {
      const { ca, clients, heard, port } = yield* start("allow")
      assert.strictEqual(yield* converse(plain(port("data")), "plain"), "PLAIN")
      assert.deepStrictEqual(yield* Queue.take(heard), { role: "data", text: "plain", names: [] })
      const large = "0123456789abcdef".repeat(60_000)
      assert.strictEqual(yield* converse(plain(port("data")), large), large.toUpperCase())
      assert.strictEqual((yield* Queue.take(heard)).text, large)
      for (const role of roles) {
        const own = secure(port("data"), ca, clients.web1)
        assert.strictEqual(yield* converse(own, large), large.toUpperCase())
        assert.deepStrictEqual(yield* Queue.take(heard), {
          role: "data",
          text: large,
          names: ["URI:lttng://target/web1"]
        })
        const chosen = secure(port("data"), ca, { ...clients.web1, ALPNProtocols: [`lttng-${role}`] })
        assert.strictEqual(yield* converse(chosen, "tls"), "TLS")
        assert.strictEqual((yield* Queue.take(heard)).role, role)
      }
    })
  )

  it.live("is required where it is: what is plain, old, or certified by others is refused alone", () =>
    Effect.gen(function* () {
      const { ca, clients, heard, limit, port, refused } = yield* start("require")
      const refusals: ReadonlyArray<readonly [string, () => net.Socket, string]> = [
        ["plain", () => plain(port("control")), "no TLS"],
        ["no certificate", () => secure(port("control"), ca), "TLS failed"],
        ["another authority's", () => secure(port("control"), ca, clients.stranger), "TLS failed"],
        ["TLS 1.2", () => secure(port("control"), ca, { ...clients.web1, maxVersion: "TLSv1.2" }), "TLS failed"],
        ["unknown name", () => secure(port("control"), ca, { ...clients.web1, ALPNProtocols: ["h2"] }), "TLS failed"],
        ["garbage", () => plain(port("control")).setNoDelay(), "TLS failed"]
      ]
      for (const [what, connect, reason] of refusals) {
        const said = what === "garbage" ? "\x16garbage that is no handshake" : "hello"
        assert.strictEqual(yield* converse(connect(), said), "", what)
        assert.strictEqual(yield* Queue.take(refused), reason, what)
      }
      // One that says nothing, and one that stops inside: neither keeps others out, both are gone with the port.
      plain(port("control")).on("error", () => undefined)
      plain(port("control"))
        .on("error", () => undefined)
        .write(Buffer.of(0x16, 3, 1))
      const good = secure(port("control"), ca, clients.web1)
      assert.strictEqual(yield* converse(good, "good"), "GOOD")
      assert.strictEqual((yield* Queue.take(heard)).text, "good")
      assert.isAtMost(limit.count, 3)
    })
  )

  it.live("lets in who speaks, however many do not, or stop inside a handshake", () =>
    Effect.gen(function* () {
      const { ca, clients, heard, limit, port, refused } = yield* start("allow", true, 10_000)
      const silent = Array.from({ length: waitingCountMax + 50 }, (_, index) => {
        const socket = plain(port("data")).on("error", () => undefined)
        if (index % 2 === 0) socket.write(Buffer.of(0x16, 3, 1, 2, 0))
        return socket
      })
      const from = performance.now()
      for (let index = 0; index < 50; index++) assert.strictEqual(yield* Queue.take(refused), "TLS failed")
      // Not when they have said nothing for long.
      assert.isBelow(performance.now() - from, 8000)
      assert.strictEqual(yield* converse(plain(port("data")), "plain"), "PLAIN")
      assert.strictEqual(yield* converse(secure(port("live"), ca, clients.web1), "tls"), "TLS")
      assert.deepStrictEqual([(yield* Queue.take(heard)).role, (yield* Queue.take(heard)).role], ["data", "live"])
      assert.isAtMost(limit.count, waitingCountMax + 3)
      for (const socket of silent) socket.destroy()
    })
  )

  it.live("lets in who speaks in place of those who do not, where there is room for no more; and no plain data", () =>
    Effect.gen(function* () {
      const hello = yield* firstHello
      for (const mode of ["require", "allow"] as const) {
        const { ca, clients, limit, port, refused } = yield* start(mode, true, 24)
        const silent = Array.from({ length: limit.countMax }, (_, index) => {
          const socket = plain(port("data")).on("error", () => undefined)
          // Of one in two a part of a hello, or the whole, and no more.
          if (index % 2 === 0 && mode === "require") socket.write(index % 4 === 0 ? hello : hello.subarray(0, 5))
          return socket
        })
        yield* until("all to have come", () => limit.count === limit.countMax)
        if (mode === "allow") {
          assert.strictEqual(yield* converse(plain(port("live")), "plain"), "")
          assert.strictEqual(yield* Queue.take(refused), "too many connections")
          // As of a target without TLS that has nothing to send yet.
          assert.strictEqual(yield* converse(silent[0] as net.Socket, "plain"), "PLAIN")
        } else {
          const peers = []
          // An eighth, and those let in.
          for (let count = 1; count <= limit.countMax - 3; count++) {
            const peer = secure(port("live"), ca, clients.web1)
            peers.push(peer)
            yield* Effect.callback<void>((resume) => {
              peer.once("data", () => resume(Effect.void)).on("error", (cause) => resume(Effect.die(cause)))
              peer.write("tls")
            })
            assert.strictEqual(yield* Queue.take(refused), "TLS failed")
            assert.strictEqual(limit.count, limit.countMax)
          }
          assert.strictEqual(yield* converse(secure(port("live"), ca, clients.web1), "tls"), "")
          assert.strictEqual(yield* Queue.take(refused), "too many connections")
          for (const peer of peers) peer.destroy()
        }
        for (const socket of silent) socket.destroy()
        yield* until("all to be gone", () => limit.count === 0)
      }
    })
  )

  it.live("lets go at once who goes while it waits for its turn", () =>
    Effect.gen(function* () {
      const { limit, port, terminal } = yield* start("require", true, 10_000)
      const hello = yield* firstHello
      // No turn comes but those that come at once: nothing else lets go who waits.
      const restore = Machine.replace({ ...Machine, setTimeout: () => setTimeout(() => {}) })
      yield* Effect.addFinalizer(() => Effect.sync(restore))
      const sockets = Array.from({ length: 800 }, () => {
        const socket = plain(port("data")).on("error", () => undefined)
        socket.write(hello)
        return socket
      })
      // Where that takes longer than a handshake may, the first of them are cut off meanwhile.
      yield* until("all to have come", () => limit.count + terminal.handshakes().failedCount === 800)
      const left = (count: number) => until(`${count} to be left`, () => limit.count <= count)
      const before = limit.count
      // An end, and a break, of those whose turn is far.
      for (const socket of sockets.slice(-100)) socket.destroy()
      yield* left(before - 100)
      for (const socket of sockets) socket.resetAndDestroy()
      yield* left(0)
      yield* until("all to be over", () => terminal.handshakes().underWayCount === 0)
      const none = { goodCount: 0, waitingCount: 0, underWayCount: 0 }
      assert.deepStrictEqual(terminal.handshakes(), { ...none, failedCount: sockets.length })
    })
  )

  it.live("takes a handshake in single bytes", () =>
    Effect.gen(function* () {
      const { ca, clients, heard, port } = yield* start("require")
      assert.strictEqual(yield* converse(yield* bytewise(port("live"), { ca, ...clients.web1 }), "slow"), "SLOW")
      assert.deepStrictEqual((yield* Queue.take(heard)).role, "live")
    })
  )

  it.live("lets in whom any of several authorities certified and none has revoked, in one file all of them", () =>
    Effect.gen(function* () {
      const folder = yield* Relays.temporaryDirectory("pki")
      const made = yield* Effect.forEach(["one", "two", "three"], (name) =>
        Effect.gen(function* () {
          const directory = join(folder, name)
          const { authority } = yield* Authority.init(directory, ["localhost"])
          const client = (target: string) =>
            Effect.map(Authority.client(directory, "target", target), ({ certificate, key }) => ({
              cert: text(certificate),
              key: text(key)
            }))
          const [kept, gone] = [yield* client("kept"), yield* client("gone")]
          const crl = text(yield* Revocation.revoke(directory, "target", "gone"))
          return { ca: text(authority.certificate), kept, gone, crl }
        })
      )
      const { ca, identity, port, terminal } = yield* start("require")
      const all = (of: "ca" | "crl") => made.map((one) => `The ${of} of one\n${one[of]}`).join("")
      yield* terminal.replace({ ...identity, clientCa: all("ca"), crl: all("crl") })
      for (const { gone, kept } of made) {
        assert.strictEqual(yield* converse(secure(port("control"), ca, kept), "kept"), "KEPT")
        assert.strictEqual(yield* converse(secure(port("control"), ca, gone), "gone"), "")
      }
    })
  )

  it.live("changes its certificate for new connections, unless the new one is no use", () =>
    Effect.gen(function* () {
      const { ca, clients, heard, identity, port, terminal } = yield* start("require", false)
      const open = secure(port("live"), ca)
      yield* Effect.callback<void>((resume) => void open.once("secureConnect", () => resume(Effect.void)))
      const broken = yield* Effect.flip(terminal.replace({ ...identity, key: clients.web1.key }))
      assert.strictEqual(broken._tag, "TlsRefused")
      assert.strictEqual(yield* converse(secure(port("live"), ca), "still"), "STILL")
      const other = yield* pki
      yield* terminal.replace({ certificate: other.relay.cert, key: other.relay.key })
      assert.strictEqual(yield* converse(secure(port("live"), ca), "old"), "")
      assert.strictEqual(yield* converse(secure(port("live"), other.ca), "new"), "NEW")
      assert.strictEqual(yield* converse(open, "goes on"), "GOES ON")
      assert.deepStrictEqual(
        (yield* Queue.takeAll(heard)).map(({ text }) => text),
        ["still", "new", "goes on"]
      )
    })
  )
})
