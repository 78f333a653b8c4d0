/** What is decided at the door by itself: who is too many, what is no hello, what a balancer says of TLS. */
import { X509Certificate } from "node:crypto"
import * as net from "node:net"
import { Duplex } from "node:stream"
import * as tls from "node:tls"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { rightsOf } from "../../src/access/Access.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Door from "../../src/transport/Door.ts"
import { type Mode, purposeOf } from "../../src/transport/tls/Tls.ts"
import { make } from "../../src/transport/tls/TlsTerminal.ts"
import * as Certificates from "../support/certificates.ts"
import { listening } from "../support/listening.ts"
import * as Process from "../support/process.ts"
import * as Balancer from "../support/proxy.ts"
import * as Relays from "../support/relays.ts"

const closed = (socket: net.Socket) =>
  Effect.callback<void>((resume) => void socket.once("close", () => resume(Effect.void)))

const terminalOf = Effect.gen(function* () {
  const authority = yield* Certificates.authority
  const { cert, key } = yield* authority.issue({ name: "relay", use: "serverAuth" })
  return yield* make({ certificate: cert, key })
})

const start = (mode: Mode, isProxied = false) =>
  Effect.gen(function* () {
    const terminal = yield* terminalOf
    const refused: Array<string> = []
    const welcome: Array<string> = []
    const door = yield* Door.open({
      mode,
      purpose: "http",
      entrances: { terminal, isProxy: isProxied ? (address) => address !== "" : undefined, welcomes: new Map() },
      welcome: ({ accepted, first }) => {
        welcome.push(`${first}`)
        accepted.destroy()
      },
      admits: () => true,
      refuse: ({ accepted }, code, detail) => {
        refused.push(`${accepted.remotePort} ${code} ${detail}`)
        accepted.destroy()
      }
    })
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => door.enter(socket))
    const port = yield* listening(server)
    const connect = Effect.callback<net.Socket>((resume) => {
      const socket = net.connect(port, "127.0.0.1", () => resume(Effect.succeed(socket)))
      socket.on("error", () => undefined)
    })
    return { connect, enter: (socket: net.Socket) => door.enter(socket), refused, welcome }
  })

it.live("of more that say nothing than may wait, the oldest goes; the others with the door", () =>
  Effect.gen(function* () {
    const left = yield* Effect.scoped(
      Effect.gen(function* () {
        const { connect, refused } = yield* start("allow")
        const sockets: Array<net.Socket> = []
        const ports: Array<number | undefined> = []
        for (let count = 0; count < Door.httpWaitingCountMax + 5; count++) {
          const socket = yield* connect
          sockets.push(socket)
          ports.push(socket.localPort)
        }
        yield* until("the oldest to be refused", () => refused.length === 5)
        assert.deepStrictEqual(
          refused,
          ports.slice(0, 5).map((port) => `${port} TLS_FAILED ${Door.httpWaitingCountMax} younger ones wait too`)
        )
        return sockets.slice(5)
      })
    )
    yield* Effect.forEach(left, (socket) => (socket.closed ? Effect.void : closed(socket)), {
      concurrency: "unbounded",
      discard: true
    })
  })
)

/** Connections that were accepted, and have not been let in; the client's end has the same number. */
const accepted = (count: number) =>
  Effect.gen(function* () {
    const clients: Array<net.Socket> = []
    const sockets: Array<net.Socket> = []
    const server = net.createServer(
      { allowHalfOpen: true, pauseOnConnect: true },
      (socket) => void sockets.push(socket)
    )
    const port = yield* listening(server)
    for (let at = 0; at < count; at++) {
      clients.push(net.connect(port, "127.0.0.1").on("error", () => undefined))
      yield* until("it to be accepted", () => sockets.length > at)
    }
    return { clients, sockets }
  })

/** Who was welcomed stays. */
const opened = (mode: Mode, isProxied: boolean) =>
  Effect.gen(function* () {
    const terminal = yield* terminalOf
    const entrances = { terminal, isProxy: isProxied ? () => true : undefined, welcomes: new Map() }
    const refused: Array<Door.Accepted> = []
    const welcome: Array<Door.Accepted> = []
    const door = yield* Door.open({
      mode,
      purpose: "http",
      entrances,
      welcome: (arrival) => void welcome.push(arrival.accepted),
      admits: () => true,
      refuse: (arrival) => {
        refused.push(arrival.accepted)
        arrival.accepted.destroy()
      }
    })
    return { door, entrances, terminal, refused, welcome }
  })

it.live("who comes together is refused once each; who was let in, however long it stays, keeps nobody out", () =>
  Effect.gen(function* () {
    const { clients, sockets } = yield* accepted(2 * Door.httpWaitingCountMax + 3)
    const { door, refused, welcome } = yield* opened("allow", false)
    const [staying, coming] = [sockets.slice(0, Door.httpWaitingCountMax), sockets.slice(Door.httpWaitingCountMax)]
    for (const socket of staying) door.enter(socket)
    for (const client of clients.slice(0, staying.length)) client.write("plain")
    yield* until("them to be let in", () => welcome.length === staying.length)
    for (const socket of coming) door.enter(socket)
    assert.deepStrictEqual(refused, coming.slice(0, 3))
  })
)

it.live("who waits has the place of its network, as a balancer tells it, and goes first from where most are", () =>
  Effect.gen(function* () {
    const networks = ["2001:0db8:0000:0001", "2001:0db8:0000:0002", "2001:0db8:0000:0002"]
    const told = [
      Balancer.ipv4("192.0.2.7", 1),
      ...networks.map((net, at) => Balancer.ipv6(`${net}${`:000${at}`.repeat(4)}`, 1))
    ]
    const { clients, sockets } = yield* accepted(told.length)
    const { door, refused } = yield* opened("require", true)
    for (const socket of sockets) door.enter(socket)
    for (const [at, client] of clients.entries()) client.write(told[at] as Buffer)
    yield* until("all headers to be read", () => sockets.every(({ bytesRead }) => bytesRead > 0))
    assert.strictEqual(door.dismiss(), sockets[2])
    assert.deepStrictEqual(refused, [sockets[2]])
  })
)

it.live("who is refused in its handshake is refused once, and is a stranger only where nothing else is taken", () =>
  Effect.gen(function* () {
    for (const mode of ["allow", "require"] as const) {
      const { clients, sockets } = yield* accepted(1)
      const { door, refused, terminal } = yield* opened(mode, false)
      door.enter(sockets[0] as net.Socket)
      // A handshake that the client never goes on with.
      const client = (clients[0] as net.Socket).resume()
      // It never hears the server's part.
      const mute = new Duplex({ read: () => undefined, write: (bytes, _, done) => void client.write(bytes, done) })
      tls.connect({ socket: mute, rejectUnauthorized: false }).on("error", () => undefined)
      yield* until("the server's part", () => client.bytesRead > 0)
      assert.strictEqual(door.strangerCount, mode === "require" ? 1 : 0)
      assert.strictEqual(door.dismiss(), sockets[0])
      yield* until("the handshake to fail", () => terminal.handshakes().failedCount === 1)
      assert.deepStrictEqual([refused, door.dismiss(), door.strangerCount], [sockets, undefined, 0])
    }
  })
)

it.live("a door that closes lets go who waits, and nobody comes to it by name any more", () =>
  Effect.gen(function* () {
    const { sockets } = yield* accepted(2)
    const entrances = yield* Effect.scoped(
      Effect.gen(function* () {
        const made = yield* opened("allow", false)
        for (const socket of sockets) made.door.enter(socket)
        assert.deepStrictEqual([...made.entrances.welcomes.keys()], ["http"])
        return made.entrances
      })
    )
    assert.isTrue(sockets.every(({ destroyed }) => destroyed))
    assert.strictEqual(entrances.welcomes.size, 0)
  })
)

it.live("what is no hello never comes to OpenSSL", () =>
  Effect.gen(function* () {
    const { connect, refused } = yield* start("require")
    const socket = yield* connect
    socket.write(Buffer.of(0x16, 3, 1, 0, 6, 1, 0xff, 0xff, 0xff, 3, 3))
    yield* closed(socket)
    assert.lengthOf(refused, 1)
    assert.notMatch(`${refused[0]}`, /ERR_|SSL/)
  })
)

it.live("what was TLS as far as the balancer is no plain connection where TLS is required; what was not, is", () =>
  Effect.gen(function* () {
    const { connect, refused, welcome } = yield* start("require", true)
    for (const [client, said] of [
      [1, "after TLS"],
      [0, "never TLS"]
    ] as const) {
      const socket = yield* connect
      socket.write(
        Buffer.concat([Balancer.ipv4("192.0.2.7", 1, [Balancer.secured(client, 0, "x")]), Buffer.from(said)])
      )
      yield* closed(socket)
    }
    assert.deepStrictEqual(welcome, ["after TLS"])
    assert.lengthOf(refused, 1)
    assert.match(`${refused[0]}`, /TLS_REQUIRED/)
  })
)

it.live("who breaks off before it is known whose it is, and a balancer that only tries, are nobody's", () =>
  Effect.gen(function* () {
    const { connect, enter, refused, welcome } = yield* start("off", true)
    // Of one that is broken the system does not tell the address.
    const accepted: Array<net.Socket> = []
    const port = yield* listening(net.createServer({ pauseOnConnect: true }, (socket) => void accepted.push(socket)))
    const broken = net.connect(port, "127.0.0.1", () => broken.resetAndDestroy())
    yield* until("it to be broken", () => accepted.length === 1 && accepted[0]?.remoteAddress === undefined)
    enter(accepted[0] as net.Socket)
    assert.isTrue(accepted[0]?.destroyed)
    const own = Balancer.header({ command: 0x20, family: 0 })
    const check = yield* connect
    check.write(own)
    const second = yield* connect
    second.write(own)
    yield* until("both headers to be read", () => [check, second].every(({ bytesWritten }) => bytesWritten > 0))
    check.resetAndDestroy()
    second.write("asks")
    yield* closed(second)
    assert.deepStrictEqual([welcome, refused], [["asks"], []])
  })
)

it.live("a peer has the address that it would have anywhere, also at a socket for IPv6 and IPv4", () =>
  Effect.gen(function* () {
    const names: Array<string> = []
    const server = net.createServer((accepted) => void names.push(Door.nameOf({ accepted })))
    const port = yield* listening(server, "::")
    const sockets = ["127.0.0.1", "::1"].map((host) => net.connect(port, host))
    yield* until("both to be accepted", () => names.length === 2)
    assert.sameMembers(names, [`127.0.0.1:${sockets[0]?.localPort}`, `::1:${sockets[1]?.localPort}`])
    for (const socket of sockets) socket.destroy()
  })
)

it.live("a unix socket is no balancer's", () =>
  Effect.gen(function* () {
    const { enter, refused, welcome } = yield* start("off", true)
    const path = `${yield* Relays.temporaryDirectory("door")}/http.sock`
    const server = net.createServer(enter)
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(path, () => resume(Effect.void))),
      () => Effect.sync(() => server.close())
    )
    yield* closed(
      net
        .connect(path)
        .on("error", () => undefined)
        .resume()
    )
    assert.deepStrictEqual([welcome, refused], [["undefined"], []])
  })
)

it.effect("a name that a balancer tells is the subject that its certificate has without one", () =>
  Effect.gen(function* () {
    const cases = [
      ["a\nb\u0001\tc\u007fd", "a\\0Ab\\01\\09c\\7Fd"],
      ['q"<;>=#', 'q"<;>=#'],
      [" spaced ", " spaced "],
      ["#first", "#first"],
      ["a\\0Ab, c+d", "a\\5C0Ab\\2C c\\2Bd"],
      ["\u0085\u2028é", "\u0085\u2028é"]
    ] as const
    for (const [commonName, pattern] of cases) {
      const named = commonName.replaceAll(/[\\/+]/g, "\\$&")
      const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null"]
      const made = ["req", "-x509", "-config", "/dev/null", "-utf8", "-subj", `/CN=${named}`, ...key]
      const { subject } = new X509Certificate((yield* Process.run("openssl", made)).stdout)
      const header = { _tag: "Header", length: 0, isOwn: false, source: undefined, protocol: undefined } as const
      const told = { ...header, isSecure: true, commonName }
      const rules = {
        principals: [{ name: "one", subjects: [`CN=${pattern}`] }],
        rules: [{ principals: ["one"], view: [{}] }]
      }
      const views = [
        { subject, alternativeNames: [], keyHash: "" },
        Door.certificateOf({ accepted: new net.Socket(), told })
      ].map((certificate) => rightsOf(rules)({ address: "192.0.2.7", certificate }).mayViewAll)
      assert.deepStrictEqual(views, [true, true], `of ${JSON.stringify(commonName)}`)
    }
  })
)

it("a certificate that was shown to us is whose the connection is, whomever a balancer tells", () => {
  const certificate = { subject: "CN=ours", alternativeNames: [], keyHash: "key" }
  const header = { _tag: "Header", length: 0, isOwn: false, source: undefined, protocol: undefined } as const
  const told = { ...header, isSecure: true, commonName: "told" }
  const accepted = new net.Socket()
  const secured = { socket: accepted as tls.TLSSocket, certificate, purpose: undefined, refused: undefined }
  assert.strictEqual(Door.certificateOf({ accepted, secured, told }), certificate)
})

it("a role is named in full, in its letters", () => {
  assert.deepStrictEqual(["lttng-live", "http/1.1", "LTTNG-LIVE", "lttng-liv", ""].map(purposeOf), [
    "live",
    "http",
    undefined,
    undefined,
    undefined
  ])
})

it.live("those whose balancer told who they are wait no longer once they have gone", () =>
  Effect.gen(function* () {
    const { connect, refused, welcome } = yield* start("allow", true)
    const told = Balancer.ipv4("192.0.2.7", 1)
    for (let count = 0; count <= Door.httpWaitingCountMax; count++) {
      const socket = yield* connect
      socket.write(Buffer.concat([told, Buffer.from("plain")]))
      yield* closed(socket)
    }
    // One more waits, and is the only one.
    const last = yield* connect
    last.write(told)
    last.end()
    yield* closed(last)
    assert.lengthOf(welcome, Door.httpWaitingCountMax + 1)
    assert.deepStrictEqual(
      refused.filter((line) => line.includes("wait too")),
      []
    )
  })
)
