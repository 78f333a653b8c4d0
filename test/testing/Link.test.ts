/**
 * A link of `lttng-relay/testing`: it carries what is sent, no sooner than it may, and what happens to a network
 * happens to its connections. How late it is on a busy machine is not judged.
 */
import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema } from "effect"
import { Target } from "../../src/index.ts"
import { Link, TestRelay, Waiting, Wire } from "../../src/testing/index.ts"
import { streaming } from "../support/synthetic.ts"

/** Answers every byte with itself, and the end with the end. */
const echo = Effect.acquireRelease(
  Effect.promise(async () => {
    const sockets = new Set<Socket>()
    const ends = { seen: 0, errors: 0 }
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket)
      socket.on("data", (bytes) => socket.write(bytes))
      socket.on("end", () => {
        ends.seen++
        socket.end()
      })
      socket.on("error", () => ends.errors++)
    })
    await once(server.listen(0, "127.0.0.1"), "listening")
    return { server, sockets, ends, address: { host: "127.0.0.1", port: (server.address() as AddressInfo).port } }
  }),
  ({ server, sockets }) =>
    Effect.promise(async () => {
      const closed = once(server.close(), "close")
      for (const socket of sockets) socket.destroy()
      await closed
    })
)

const through = (options: Link.Options) =>
  Effect.gen(function* () {
    const peer = yield* echo
    const link = yield* Link.make(options)
    const port = yield* link.listen(peer.address)
    return { ...peer, link, dial: Wire.connect(port) }
  })

const numbered = (size: number) => Buffer.from(Uint8Array.from({ length: size }, (_, at) => at % 251))

const millis = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const start = performance.now()
    yield* effect
    return performance.now() - start
  })

/** Timers of the runtime count whole milliseconds. */
const tick = 1

const Conditions = Schema.Struct({
  bytesPerSecond: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 500_000, maximum: 50_000_000 }))),
  rttMillis: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))),
  jitterMillis: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))),
  segmentBytes: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3000 })))
})
const Sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 70_000 }))).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(3)
)
/** Of a wire: each is four system calls, and hundreds of thousands of them take minutes on a busy machine. */
const segmentCountMax = 2000

describe("a link", () => {
  it.effect.prop(
    "carries every byte in order, and then the end, under any conditions",
    { conditions: Conditions, sizes: Sizes },
    ({ conditions, sizes }) =>
      Effect.gen(function* () {
        const { dial } = yield* through(conditions)
        const bytesMax = segmentCountMax * (conditions.segmentBytes ?? Number.POSITIVE_INFINITY)
        const sent = sizes.map((size) => numbered(Math.min(size, bytesMax)))
        const wires = yield* Effect.forEach(sent, () => dial)
        for (const [at, wire] of wires.entries()) {
          yield* wire.send(sent[at] ?? Buffer.of())
          yield* wire.end
        }
        for (const [at, wire] of wires.entries()) {
          const received = yield* wire.readToEnd
          assert.isTrue(received.equals(sent[at] ?? Buffer.of()), `${received.length} of ${sent[at]?.length}`)
        }
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 15 } }
  )

  it.effect("is no faster than its rate, which all connections share", () =>
    Effect.gen(function* () {
      const { dial } = yield* through({ bytesPerSecond: 2_000_000 })
      const wires = [yield* dial, yield* dial]
      const took = yield* millis(
        Effect.forEach(wires, (wire) => Effect.andThen(wire.send(numbered(300_000)), wire.read(300_000)), {
          concurrency: 2
        })
      )
      assert.isAtLeast(took, 300 - tick)
    })
  )

  it.effect("takes its round-trip time, and another one for who has just dialled", () =>
    Effect.gen(function* () {
      const { dial } = yield* through({ rttMillis: 60 })
      const wire = yield* dial
      const turn = Effect.andThen(wire.send(numbered(8)), wire.read(8))
      assert.isAtLeast(yield* millis(turn), 120 - 3 * tick)
      assert.isAtLeast(yield* millis(turn), 60 - 2 * tick)
    })
  )

  it.effect("carries nothing while it is down, and all of it afterwards", () =>
    Effect.gen(function* () {
      const { dial, link } = yield* through({})
      const wire = yield* dial
      yield* wire.send(numbered(4))
      yield* wire.read(4)
      link.down()
      yield* wire.send(numbered(50_000))
      // A second connection's round trip would have had the time of the first's.
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
      assert.strictEqual(link.byteCount(), 8)
      link.up()
      assert.isTrue((yield* wire.read(50_000)).equals(numbered(50_000)))
    })
  )

  it.effect("resets both ends, ends one way only, or leaves both ends half-open", () =>
    Effect.gen(function* () {
      const { dial, ends, link } = yield* through({})
      const established = Effect.gen(function* () {
        const wire = yield* dial
        yield* wire.send(numbered(1))
        yield* wire.read(1)
        return wire
      })
      const reset = yield* established
      link.reset()
      yield* Waiting.until("the reset at both ends", () => reset.isClosed() && ends.errors === 1)

      const halved = yield* established
      link.halfClose()
      yield* halved.readToEnd
      assert.strictEqual(ends.seen, 1)

      const frozen = yield* established
      link.freeze()
      yield* frozen.send(numbered(10))
      yield* frozen.end
      const later = yield* established
      yield* later.end
      yield* later.readToEnd
      assert.deepStrictEqual([frozen.isClosed(), ends.seen], [false, 2])
    })
  )
})

it.effect("has no segments of nothing, now or later", () =>
  Effect.gen(function* () {
    for (const segmentBytes of [0, -1, Number.NaN]) {
      assert.isTrue(Exit.hasDies(yield* Effect.exit(Link.make({ segmentBytes }))), `${segmentBytes}`)
    }
    const link = yield* Link.make({ segmentBytes: 1 })
    assert.throws(() => link.change({ segmentBytes: 0 }), RangeError)
  })
)

describe("a relay behind a link", () => {
  it.live("keeps the connections of one port when another is closed", () =>
    Effect.gen(function* () {
      const { address, link, dial } = yield* through({})
      const wire = yield* dial
      yield* wire.send(numbered(10))
      yield* wire.read(10)
      yield* Effect.scoped(Effect.flatMap(link.listen(address), (port) => Wire.connect(port)))
      yield* wire.send(numbered(10))
      assert.deepStrictEqual(yield* wire.read(10), numbered(10))
    })
  )

  it.live("records all that a target sent across outages", () =>
    Effect.gen(function* () {
      const { output, relay } = yield* TestRelay.make()
      const link = yield* Link.make({ bytesPerSecond: 5_000_000, rttMillis: 4, jitterMillis: 4, segmentBytes: 700 })
      const control = yield* link.listen(relay.addresses.control)
      const data = yield* link.listen(relay.addresses.data)
      const target = yield* Target.make({ url: `net://127.0.0.1:${control}:${data}`, hostname: "host1" })
      const session = yield* target.session({ name: "s" })
      const { stream, generator } = yield* streaming(session)
      for (let at = 1; at <= 100; at++) {
        if (at === 40) link.down()
        if (at === 42) yield* Effect.sync(() => setTimeout(link.up, 30))
        yield* stream.packet(generator.next(BigInt(at) * 1000n))
      }
      yield* session.close()
      const sizes = output.files().map((file) => [file.split("/").pop(), output.size(file)])
      assert.deepInclude(sizes, ["ch_0", 100 * 4096])
      assert.deepInclude(sizes, ["ch_0.idx", 16 + 100 * 72])
    })
  )
})
