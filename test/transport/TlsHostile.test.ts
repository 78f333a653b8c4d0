/**
 * Bad input before a relay knows who speaks: certificates that are no good or say strange things, handshakes that are
 * none, and what comes after a handshake that nobody asked for. A code in the log, nothing else harmed.
 */
import { randomBytes } from "node:crypto"
import * as net from "node:net"
import { Duplex } from "node:stream"
import * as tls from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { type AccessFile, type Identity, rightsOf } from "../../src/access/Access.ts"
import * as Machine from "../../src/Machine.ts"
import { endsOf } from "../../src/protocol/RevocationLists.ts"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { hasAesIn } from "../../src/transport/tls/Processor.ts"
import { ciphersOf } from "../../src/transport/tls/Tls.ts"
import { knowsParent, make, type Secured } from "../../src/transport/tls/TlsTerminal.ts"
import * as Certificates from "../support/certificates.ts"
import { listening } from "../support/listening.ts"

const version = Commands.message(Commands.numbers.VERSION, Commands.join(Commands.u32(2), Commands.u32(13)))

/** What became of a connection: the relay's answer, or how it ended. */
const outcome = (socket: net.Socket, said: Uint8Array = version): Effect.Effect<string> =>
  Effect.callback((resume) => {
    let error = ""
    socket.on("data", (bytes: Buffer) => {
      resume(Effect.succeed(`answer ${bytes.toString("hex", 0, 8)}`))
      socket.destroy()
    })
    socket.on("error", (cause: NodeJS.ErrnoException) => {
      error = cause.code ?? cause.message
    })
    socket.on("close", () => resume(Effect.succeed(error === "" ? "closed" : error)))
    socket.write(said)
  })

const answered = "answer 000000020000000f"

const start = (authority: Certificates.Authority, more: object = {}) =>
  Effect.gen(function* () {
    const server = yield* authority.issue({ name: "relay", alternatives: "DNS:localhost", use: "serverAuth" })
    const identity = { certificate: server.cert, key: server.key, clientCa: authority.ca, ...more }
    const relay = yield* TestRelay.make({ tls: { control: "require", data: "require", live: "require", ...identity } })
    const connect = (client?: Certificates.Certificate, options: tls.ConnectionOptions = {}) =>
      tls.connect({
        host: "127.0.0.1",
        port: relay.controlPort,
        servername: "localhost",
        ca: authority.ca,
        ...client,
        ...options
      })
    const incidents = Effect.map(relay.relay.activity, (activity) =>
      activity.incidents.map(({ code, count }) => `${code} ${count}`)
    )
    return { relay, connect, identity, incidents }
  })

/** A listener whose connections go to a terminal: its port. */
const terminal = (
  ours: Certificates.Authority,
  more: object,
  done: (secured: Secured) => void,
  failed: (code: string) => void = () => {}
) =>
  Effect.gen(function* () {
    const server = yield* ours.issue({ name: "relay", alternatives: "DNS:localhost", use: "serverAuth" })
    const { secure } = yield* make({ certificate: server.cert, key: server.key, clientCa: ours.ca, ...more })
    // As the relay's own accept.
    const listener = net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (accepted) =>
      secure(
        { accepted, address: "127.0.0.1", port: "control" },
        {
          done,
          failed: (code) => {
            failed(code)
            accepted.destroy()
          }
        }
      )
    )
    return yield* listening(listener)
  })

describe("certificates", () => {
  it.live("that are over, not yet begun, for another use, of nobody known, or revoked let nobody in", () =>
    Effect.gen(function* () {
      const ours = yield* Certificates.authority
      const theirs = yield* Certificates.authority
      const good = yield* ours.issue({ name: "good" })
      const bad = {
        over: yield* ours.issue({ name: "over", from: "20200101000000Z", to: "20210101000000Z" }),
        early: yield* ours.issue({ name: "early", from: "20490101000000Z", to: "20491231000000Z" }),
        server: yield* ours.issue({ name: "server", use: "serverAuth" }),
        stranger: yield* theirs.issue({ name: "good" }),
        revoked: yield* ours.issue({ name: "revoked" })
      }
      const crl = yield* ours.revoke("revoked")
      const { connect, identity, incidents, relay } = yield* start(ours, { crl })
      assert.strictEqual(yield* outcome(connect(good)), answered)
      for (const [what, client] of Object.entries(bad))
        assert.notStrictEqual(yield* outcome(connect(client)), answered, what)
      assert.notStrictEqual(yield* outcome(connect()), answered)
      assert.deepStrictEqual(yield* incidents, ["TLS_FAILED 6"])
      // A list that is read again counts for whoever comes from then on, with or without a ticket.
      const ticket = connect(good)
      const session = yield* Effect.callback<Buffer>((resume) => {
        ticket.once("session", (given) => resume(Effect.succeed(given)))
        ticket.write(version)
      })
      yield* relay.relay.replaceTls({ ...identity, crl: yield* ours.revoke("good") })
      assert.notStrictEqual(yield* outcome(connect(good, { session })), answered)
      // The one that is open goes on.
      assert.strictEqual(yield* outcome(ticket), answered)
      // Nobody is let in by an authority that is silent on what it has revoked.
      yield* relay.relay.replaceTls({ ...identity, crl: yield* theirs.revoke() })
      assert.notStrictEqual(yield* outcome(connect(yield* ours.issue({ name: "new" }))), answered)
      yield* relay.relay.replaceTls({ ...identity, crl: undefined })
      assert.strictEqual(yield* outcome(connect(good)), answered)
    })
  )

  interface Brief {
    readonly ours: Certificates.Authority
    readonly more?: object
    readonly to?: string
    readonly endMillis: number
  }
  const soon = (seconds = 3) => {
    const endMillis = (Math.ceil(Date.now() / 1000) + seconds) * 1000
    return { endMillis, to: new Date(endMillis).toISOString().replaceAll(/[-:T]|\.000/g, "") }
  }
  type Given = (seconds: number) => Effect.Effect<Brief, Certificates.Failure, Scope.Scope>
  const ends: ReadonlyArray<readonly [string, Given]> = [
    ["its certificate", (seconds) => Effect.map(Certificates.authority, (ours) => ({ ours, ...soon(seconds) }))],
    [
      "its authority",
      Effect.fnUntraced(function* (seconds) {
        const { to, ...end } = soon(seconds)
        return { ours: yield* Certificates.authorityUntil(to), ...end }
      })
    ],
    [
      "the list of what is revoked",
      (seconds) =>
        Effect.bind(Effect.bindTo(Certificates.authority, "ours"), "crl", ({ ours }) => ours.listFor(seconds)).pipe(
          Effect.map(({ ours, crl }) => ({ ours, more: { crl }, endMillis: endsOf(crl)[0] ?? 0 }))
        )
    ]
  ]
  /** What became of a connection that goes on from an earlier one, if one is given. */
  const resumedBy = (connect: (options: tls.ConnectionOptions) => tls.TLSSocket) => (session?: Buffer) =>
    Effect.suspend(() => {
      // Nor does the client look at what is over: the relay has to.
      const socket = connect({ rejectUnauthorized: false, ...(session === undefined ? {} : { session }) })
      let ticket: Buffer | undefined
      socket.on("session", (given) => {
        ticket = given
      })
      return Effect.map(outcome(socket), (answer) => ({ answer, isReused: socket.isSessionReused(), session: ticket }))
    })

  it.live.each(ends)("are let in no more once %s is over, by an earlier handshake either", ([, given]) =>
    Effect.gen(function* () {
      let seconds = 1.5
      const before = Effect.gen(function* () {
        seconds *= 2
        const { endMillis, more = {}, ours, to } = yield* given(seconds)
        const brief = yield* ours.issue({ name: "brief", ...(to === undefined ? {} : { to }) })
        const { connect, incidents } = yield* start(ours, more)
        const resumed = resumedBy((options) => connect(brief, options))
        const first = yield* resumed()
        const second = yield* resumed(first.session)
        return { endMillis, incidents, resumed, first, second, isEarly: Date.now() < endMillis }
      }).pipe(Effect.repeat({ until: ({ isEarly }) => isEarly, times: 4 }))
      // A machine with too much to do for two handshakes before the end is given longer.
      const { endMillis, first, incidents, resumed, second } = yield* before
      assert.deepStrictEqual([first.answer, second.answer, second.isReused], [answered, answered, true])
      // OpenSSL goes by the system's last tick.
      yield* until("it to be over", () => Date.now() > endMillis + 100)
      assert.notStrictEqual((yield* resumed(first.session)).answer, answered)
      assert.notStrictEqual((yield* resumed()).answer, answered)
      assert.deepStrictEqual(yield* incidents, ["TLS_FAILED 2"])
    })
  )

  it.live(
    "are let in by no ticket of the moment in which an authority is over by our clock, but not by OpenSSL's",
    () =>
      Effect.gen(function* () {
        let aheadMillis = 250
        const atTheEnd = Effect.gen(function* () {
          aheadMillis *= 2
          const { endMillis, to } = soon((6 * aheadMillis) / 1000)
          const wallMillis = () => Date.now() + aheadMillis
          const ours = yield* Certificates.authorityUntil(to)
          yield* Effect.acquireRelease(
            Effect.sync(() => Machine.replace({ ...Machine, wallMillis })),
            (restore) => Effect.sync(restore)
          )
          const brief = yield* ours.issue({ name: "brief" })
          const { connect } = yield* start(ours)
          const resumed = resumedBy((options) => connect(brief, options))
          yield* until("it to be over by our clock", () => wallMillis() > endMillis)
          const last = yield* resumed()
          return { endMillis, last, resumed, isEarly: Date.now() < endMillis }
        }).pipe(Effect.repeat({ until: ({ isEarly }) => isEarly, times: 3 }))
        // A machine with too much to do for a handshake in that moment is given longer.
        const { endMillis, last, resumed } = yield* atTheEnd
        assert.isDefined(last.session)
        assert.strictEqual(last.answer, answered)
        yield* until("it to be over", () => Date.now() > endMillis + 500)
        assert.notStrictEqual((yield* resumed(last.session)).answer, answered)
      })
  )

  it.live("with hostile names are nobody but who they say", () =>
    Effect.gen(function* () {
      const ours = yield* Certificates.authority
      const seen: Array<Identity> = []
      const port = yield* terminal(ours, {}, ({ certificate, socket }) => {
        seen.push({ address: "127.0.0.1", certificate })
        socket.end("known")
      })
      const many = Array.from({ length: 1000 }, (_, index) => `URI:lttng://target/other${index}`).join(",")
      const [uri, dns] = [6, 2]
      const requests: ReadonlyArray<Certificates.Request> = [
        { name: "nul", alternatives: Certificates.der([uri, "lttng://target/web1\0.evil"]) },
        { name: "nul-first", alternatives: Certificates.der([uri, "\0lttng://target/web1"]) },
        { name: "comma", alternatives: Certificates.der([dns, "x, URI:lttng://target/web1"]) },
        { name: "quotes", alternatives: Certificates.der([dns, 'x", URI:"lttng://target/web1'], [uri, 'u"']) },
        { name: "wildcard", alternatives: "URI:lttng://target/web?,DNS:*" },
        { name: "utf-8", commonName: "wéb1", alternatives: "URI:lttng://target/w" },
        { name: "comma-in-name", commonName: "x, CN=web1" },
        { name: "line-in-name", commonName: "x\nCN=web1" },
        { name: "marks", commonName: '"Ops", A+B <x>; #1 = \\' },
        { name: "many", alternatives: many },
        { name: "kind", alternatives: "DNS:lttng-target-web1,email:web1@target" }
      ]
      const file: AccessFile = {
        principals: [
          { name: "web", names: ["URI:lttng://target/web[1]", "URI:lttng://target/web1", "URI:lttng://target/web1?"] },
          { name: "by-subject", subjects: ["CN=web1", "*, CN=web1", "x*CN=web1"] },
          { name: "exact", names: ["URI:lttng://target/other999"] }
        ],
        rules: [{ principals: ["web", "by-subject", "exact"], record: [{}] }]
      }
      const may: Record<string, boolean> = {}
      for (const request of requests) {
        const client = yield* ours.issue(request)
        const socket = tls.connect({ host: "127.0.0.1", port, servername: "localhost", ca: ours.ca, ...client })
        assert.strictEqual(yield* outcome(socket), "answer 6b6e6f776e", request.name)
        const identity = seen.at(-1)
        assert.isDefined(identity)
        may[request.name] = rightsOf(file)(identity).mayRecord({ hostname: "h", sessionName: "s" })
      }
      const expected = Object.fromEntries(requests.map(({ name }) => [name, name === "many"]))
      assert.deepStrictEqual(may, expected)
      const isKnownAs = (name: string, subject: string) => {
        const identity = seen[requests.findIndex((request) => request.name === name)]
        assert.isDefined(identity)
        const principals = [{ name, subjects: [subject] }]
        return rightsOf({ principals, rules: [{ principals: [name], admin: true }] })(identity).mayAdminister
      }
      assert.isTrue(isKnownAs("comma-in-name", "CN=x\\2C CN=web1"))
      assert.isTrue(isKnownAs("line-in-name", "CN=x\\0ACN=web1"))
      assert.isTrue(isKnownAs("utf-8", "CN=wéb1"))
      assert.isTrue(isKnownAs("marks", 'CN="Ops"\\2C A\\2BB <x>; #1 = \\5C'))
      const countOf = (name: string) =>
        seen[requests.findIndex((request) => request.name === name)]?.certificate?.alternativeNames
      assert.lengthOf(countOf("many") ?? [], 1000)
      assert.deepStrictEqual(countOf("nul"), ["URI:lttng://target/web1\0.evil"])
      assert.deepStrictEqual(countOf("comma"), ["DNS:x, URI:lttng://target/web1"])
      assert.deepStrictEqual(countOf("wildcard"), ["URI:lttng://target/web?", "DNS:*"])
    })
  )
})

describe("handshakes", () => {
  it.live("of garbage, however many, cost nothing that lasts and harm nobody who is there", () =>
    Effect.gen(function* () {
      const ours = yield* Certificates.authority
      const good = yield* ours.issue({ name: "good" })
      const { connect, relay } = yield* start(ours)
      const before = connect(good)
      yield* Effect.callback<void>((resume) => void before.once("secureConnect", () => resume(Effect.void)))
      const total = 1000
      const garbage = Effect.suspend(() => {
        const socket = net.connect(relay.controlPort, "127.0.0.1")
        const hello = Buffer.concat([Buffer.of(0x16, 3, 1, 0x3f, 0xff), randomBytes(200)])
        // Also records that are too long, and a message that promises 16 MB.
        const forms = [hello, Buffer.of(0x16, 3, 1, 0xff, 0xff), Buffer.of(0x16, 3, 1, 0, 6, 1, 0xff, 0xff, 0xff, 3, 3)]
        const form = forms[Math.floor(Math.random() * forms.length)] as Buffer
        const told = outcome(socket, form)
        // Who only waits goes by itself.
        setTimeout(() => socket.resetAndDestroy(), 50)
        return told
      })
      yield* Effect.forEach(Array.from({ length: total }), () => garbage, { concurrency: 200 })
      yield* until("all to be gone", relay.relay.connections, ({ length }) => length === 1)
      assert.strictEqual(yield* outcome(before), answered)
      assert.strictEqual(yield* outcome(connect(good)), answered)
      const { incidents } = yield* relay.relay.activity
      assert.isAtMost(incidents.find(({ code }) => code === "TLS_FAILED")?.count ?? 0, total)
    })
  )

  it.live("that have begun and are given up keep no place: an end and a break are noticed at once", () =>
    Effect.gen(function* () {
      const ours = yield* Certificates.authority
      const codes: Array<string> = []
      const port = yield* terminal(
        ours,
        {},
        () => codes.push("let in"),
        (code) => codes.push(code)
      )
      const giveUp = (how: "end" | "break", after: "hello" | "half a finish") =>
        Effect.callback<number>((resume) => {
          const below = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true })
          let from = 0
          const leave = () => {
            from = performance.now()
            if (how === "end") below.end()
            else below.resetAndDestroy()
          }
          let saidBytes = 0
          const wire = new Duplex({
            read: () => {},
            write: (bytes: Buffer, _encoding, done) => {
              if (saidBytes === 0) below.write(bytes)
              else if (saidBytes > 0) below.write(bytes.subarray(0, bytes.length >> 1), leave)
              saidBytes += bytes.length
              done()
            }
          })
          tls.connect({ socket: wire, servername: "localhost", ca: ours.ca }).on("error", () => undefined)
          // The relay's part of it shows that it has begun.
          below.on("data", (bytes: Buffer) => {
            if (after === "hello") leave()
            else wire.push(bytes)
          })
          below.on("error", () => undefined)
          below.once("close", () => resume(Effect.succeed(performance.now() - from)))
        })
      for (const after of ["hello", "half a finish"] as const) {
        const millis = yield* giveUp("end", after)
        assert.isBelow(millis, 5000, after)
        yield* giveUp("break", after)
      }
      yield* until("the relay to notice", () => codes.length === 4, { seconds: 5 })
      assert.notInclude(codes, "let in")
    })
  )

  it.live("in versions, with ciphers and names that there are not are refused", () =>
    Effect.gen(function* () {
      const ours = yield* Certificates.authority
      const good = yield* ours.issue({ name: "good" })
      const { connect } = yield* start(ours)
      const weak = { ciphers: "DEFAULT:@SECLEVEL=0", minVersion: "TLSv1" } as const
      for (const maxVersion of ["TLSv1", "TLSv1.1", "TLSv1.2"] as const)
        assert.notStrictEqual(yield* outcome(connect(good, { ...weak, maxVersion })), answered, maxVersion)
      for (const ALPNProtocols of [["h2"], ["http/1.1"], ["lttng-"], ["lttng-controls"], ["LTTNG-CONTROL"]])
        assert.notStrictEqual(yield* outcome(connect(good, { ALPNProtocols })), answered, ALPNProtocols[0])
      assert.strictEqual(yield* outcome(connect(good, { ALPNProtocols: ["x", "lttng-control"] })), answered)
      const older = yield* start(ours, { minVersion: "TLSv1.2" })
      assert.strictEqual(yield* outcome(older.connect(good, { maxVersion: "TLSv1.2" })), answered)
      for (const maxVersion of ["TLSv1", "TLSv1.1"] as const)
        assert.notStrictEqual(yield* outcome(older.connect(good, { ...weak, maxVersion })), answered, maxVersion)
      // It would be begun again, and again.
      const again = older.connect(good, { maxVersion: "TLSv1.2" })
      yield* Effect.callback<void>((resume) => void again.once("secureConnect", () => resume(Effect.void)))
      const error = yield* Effect.callback<string>((resume) => {
        again.renegotiate({}, (cause) => resume(Effect.succeed(String(cause))))
        again.on("error", (cause) => resume(Effect.succeed(String(cause))))
      })
      assert.match(error, /renegotiation/i)
      assert.strictEqual(yield* outcome(older.connect(good)), answered)
    })
  )

  it.live("that are over: what cannot be decrypted ends its connection, and no other", () =>
    Effect.gen(function* () {
      const ours = yield* Certificates.authority
      const good = yield* ours.issue({ name: "good" })
      const { relay } = yield* start(ours)
      const other = tls.connect({
        host: "127.0.0.1",
        port: relay.controlPort,
        servername: "localhost",
        ca: ours.ca,
        ...good
      })
      yield* Effect.callback<void>((resume) => void other.once("secureConnect", () => resume(Effect.void)))
      for (let round = 0; round < 20; round++) {
        const raw = net.connect(relay.controlPort, "127.0.0.1")
        const secured = tls.connect({ socket: raw, servername: "localhost", ca: ours.ca, ...good })
        yield* Effect.callback<void>((resume) => void secured.once("secureConnect", () => resume(Effect.void)))
        if (round % 2 === 0) secured.write(version.subarray(0, 5))
        const forged =
          round % 3 === 0 ? randomBytes(300) : Buffer.concat([Buffer.of(0x17, 3, 3, 0, 100), randomBytes(100)])
        secured.on("error", () => undefined)
        yield* Effect.callback<void>((resume) => {
          raw.once("close", () => resume(Effect.void))
          raw.write(forged)
        })
      }
      assert.strictEqual(yield* outcome(other), answered)
      // Of TLS 1.3 the client's handshake is over before the relay's.
      const { connectionEnds, incidents } = yield* relay.relay.activity
      const during = incidents.find(({ code }) => code === "TLS_FAILED")?.count ?? 0
      assert.strictEqual((connectionEnds.find(({ reason }) => reason === "socket error")?.count ?? 0) + during, 20)
    })
  )
})

it.live("who is over a quota is let go in the call that ends the handshake, and nobody is harmed", () =>
  Effect.gen(function* () {
    const ours = yield* Certificates.authority
    const good = yield* ours.issue({ name: "good" })
    const access: AccessFile = {
      principals: [],
      rules: [{ principals: ["*"], record: [{}], quota: { connections: 1 } }]
    }
    const server = yield* ours.issue({ name: "relay", alternatives: "DNS:localhost", use: "serverAuth" })
    const identity = { certificate: server.cert, key: server.key, clientCa: ours.ca }
    const tlsOf = { control: "require", data: "require", live: "require", ...identity } as const
    const relay = yield* TestRelay.make({ access, tls: tlsOf })
    const connect = (port: number) =>
      tls.connect({ host: "127.0.0.1", port, servername: "localhost", ca: ours.ca, ...good })
    const first = connect(relay.controlPort)
    yield* until("the first to be in", relay.relay.connections, ({ length }) => length === 1)
    for (const port of [relay.controlPort, relay.dataPort, relay.livePort]) {
      const others = Array.from({ length: 10 }, () => Effect.suspend(() => outcome(connect(port))))
      const ends = yield* Effect.all(others, { concurrency: "unbounded" })
      assert.notInclude(ends, answered)
    }
    assert.strictEqual(yield* outcome(first), answered)
    const { incidents } = yield* relay.relay.activity
    assert.strictEqual(incidents.find(({ code }) => code === "CONNECTION_QUOTA")?.count, 30)
  })
)

describe("what is not documented of this runtime", () => {
  it("is still as it is known", () => {
    assert.isTrue(knowsParent())
  })

  it.live("is not needed: without it TLS works the same", () =>
    Effect.gen(function* () {
      process.env.LTTNG_RELAY_PORTABLE_READS = "1"
      yield* Effect.addFinalizer(() => Effect.sync(() => void delete process.env.LTTNG_RELAY_PORTABLE_READS))
      const ours = yield* Certificates.authority
      const { connect, incidents } = yield* start(ours)
      const good = yield* ours.issue({ name: "good" })
      assert.strictEqual(yield* outcome(connect(good)), answered)
      const half = connect(good, { allowHalfOpen: true } as tls.ConnectionOptions)
      half.once("secureConnect", () => half.end())
      assert.strictEqual(yield* outcome(half), answered)
      assert.notStrictEqual(yield* outcome(connect()), answered)
      assert.deepStrictEqual(yield* incidents, ["TLS_FAILED 1"])
    })
  )
})

it("AES comes first where the processor has instructions for it, ChaCha20 where it has none", () => {
  assert.isTrue(hasAesIn("processor\t: 0\nflags\t\t: fpu aes avx\n"))
  assert.isTrue(hasAesIn("Features\t: fp asimd aes pmull\n"))
  assert.isFalse(hasAesIn("flags\t\t: fpu avx vaesx\n"))
  assert.isFalse(hasAesIn("Features\t: fp asimd\n"))
  assert.isTrue(hasAesIn(""))
  assert.match(ciphersOf(true), /^TLS_AES_128_GCM_SHA256:/)
  assert.match(ciphersOf(false), /^TLS_CHACHA20_POLY1305_SHA256:/)
  assert.sameMembers(ciphersOf(true).split(":"), ciphersOf(false).split(":"))
  tls.createSecureContext({ ciphers: ciphersOf(false) })
})
