/** Connections through a balancer: they are their peers', on every port; who is no balancer is not believed. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Balancer from "../support/proxy.ts"

const version = Commands.message(Commands.numbers.VERSION, Commands.join(Commands.u32(2), Commands.u32(13)))
const proxyFrom = ["127.0.0.0/8"]

const incidents = ({ relay }: TestRelay.TestRelay) =>
  Effect.map(relay.activity, (activity) => activity.incidents.map(({ code, count }) => `${code} ${count}`))

const peers = ({ relay }: TestRelay.TestRelay) =>
  Effect.map(relay.connections, (all) => all.map(({ peer, port }) => `${port} ${peer}`))

it.live("a peer is who the balancer tells, on each port, whatever comes with its header", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ proxyFrom })
    for (const port of ["control", "data", "live"] as const) {
      const wire = yield* relay.wire(port)
      yield* wire.send(Balancer.ipv4("192.0.2.7", 4711))
    }
    yield* until("all three", relay.relay.connections, ({ length }) => length === 3)
    assert.sameMembers(yield* peers(relay), ["control 192.0.2.7:4711", "data 192.0.2.7:4711", "live 192.0.2.7:4711"])
    // Its own, as a health check.
    const own = yield* relay.wire("control")
    yield* own.send(Buffer.concat([Balancer.header({ command: 0x20, family: 0 }), version]))
    assert.strictEqual((yield* own.read(8)).readUInt32BE(0), 2)
    assert.match((yield* peers(relay)).at(-1) ?? "", /^control 127\.0\.0\.1:\d+$/)
  })
)

it.live("a header and a command may be cut anywhere", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ proxyFrom })
    const all = Buffer.concat([Balancer.ipv6("2001:0db8:0000:0000:0000:0000:0000:0001", 7), version])
    for (let at = 1; at < all.length; at++) {
      const wire = yield* relay.wire("control")
      yield* wire.send(all.subarray(0, at))
      yield* Effect.yieldNow
      yield* wire.send(all.subarray(at))
      assert.strictEqual((yield* wire.read(8)).readUInt32BE(0), 2, `${at}`)
      yield* wire.close
    }
    const wire = yield* relay.wire("control")
    for (const byte of all) yield* wire.send(Buffer.of(byte))
    assert.strictEqual((yield* wire.read(8)).readUInt32BE(0), 2)
    assert.include(yield* peers(relay), "control 2001:db8::1:7")
  })
)

it.live("what is no header is refused alone, with a code; of who is no balancer it is bytes like others", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ proxyFrom })
    const wrong = [
      Buffer.from("PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n"),
      version,
      Balancer.header({ family: 0x31, addresses: Buffer.alloc(216) }),
      Balancer.header({ length: 65_535 })
    ]
    const good = yield* relay.wire("control")
    yield* good.send(Balancer.ipv4("192.0.2.7", 1))
    for (const port of ["control", "data", "live"] as const)
      for (const bytes of wrong) {
        const wire = yield* relay.wire(port)
        yield* wire.send(bytes)
        assert.strictEqual((yield* wire.readToEnd).length, 0)
      }
    // What was asked for by name, and is not here: there is no port for HTTP.
    const nowhere = yield* relay.wire("control")
    yield* nowhere.send(Buffer.concat([Balancer.ipv4("192.0.2.7", 1, [Balancer.entry(1, "http/1.1")]), version]))
    assert.strictEqual((yield* nowhere.readToEnd).length, 0)
    assert.deepStrictEqual(yield* incidents(relay), ["PROXY_REFUSED 13"])
    yield* good.send(version)
    assert.strictEqual((yield* good.read(8)).readUInt32BE(0), 2)
    // Not from where balancers are.
    const other = yield* TestRelay.make({ proxyFrom: ["192.0.2.0/24"] })
    const wire = yield* other.wire("control")
    yield* wire.send(Buffer.concat([Balancer.ipv4("192.0.2.7", 1), version]))
    assert.strictEqual((yield* wire.readToEnd).length, 0)
    const plain = yield* other.wire("control")
    yield* plain.send(version)
    assert.strictEqual((yield* plain.read(8)).readUInt32BE(0), 2)
    assert.match((yield* peers(other))[0] ?? "", /^control 127\.0\.0\.1:\d+$/)
  })
)

it.live("rules for access, and hosts that are refused, go by the peer that was told", () =>
  Effect.gen(function* () {
    const access = {
      principals: [
        { name: "lab", addresses: ["192.0.2.0/24"] },
        { name: "ops", subjects: ["CN=web1", "CN=a\\2C \\2BB\\5C2C"] }
      ],
      rules: [{ principals: ["lab", "ops"], record: [{}] }]
    }
    const relay = yield* TestRelay.make({ proxyFrom, access })
    const create = (header: Buffer) =>
      Effect.gen(function* () {
        const wire = yield* relay.wire("control")
        yield* wire.send(Buffer.concat([header, version]))
        yield* wire.read(8)
        yield* wire.send(Commands.message(Commands.numbers.CREATE_SESSION, Commands.createSession(13, {})))
        return (yield* wire.read(16)).readUInt32BE(8)
      })
    const made = yield* create(Balancer.ipv4("192.0.2.7", 1))
    const refused = yield* create(Balancer.ipv4("198.51.100.7", 1))
    assert.notStrictEqual(made, refused)
    assert.deepStrictEqual(
      [
        yield* create(Balancer.ipv4("198.51.100.7", 1, [Balancer.secured(7, 0, "web1")])),
        yield* create(Balancer.ipv4("198.51.100.7", 1, [Balancer.secured(7, 0, "a, +B\\2C")])),
        yield* create(Balancer.ipv4("198.51.100.7", 1, [Balancer.secured(7, 9, "web1")])),
        yield* create(Balancer.ipv4("198.51.100.7", 1, [Balancer.secured(7, 0, "web1, CN=x")])),
        // Who shows a certificate is who it says, wherever it comes from.
        yield* create(Balancer.ipv4("192.0.2.7", 1, [Balancer.secured(7, 0, "web2")]))
      ],
      [made, made, refused, refused, refused]
    )
    yield* relay.relay.refuseHost("203.0.113.9")
    const wire = yield* relay.wire("control")
    yield* wire.send(Balancer.ipv4("203.0.113.9", 1))
    assert.strictEqual((yield* wire.readToEnd).length, 0)
    assert.include(yield* incidents(relay), "HOST_REFUSED 1")
  })
)
