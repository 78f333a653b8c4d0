/** What principals may use of a relay: who has spent it is refused as any relay refuses, and nobody else is. */
import { assert, it } from "@effect/vitest"
import { Effect, References } from "effect"
import type { AccessFile, Quota } from "../../src/access/Access.ts"
import * as ReturnCode from "../../src/protocol/ReturnCode.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Journal from "../support/journal.ts"
import * as Balancer from "../support/proxy.ts"

const limited = (quota: Quota): AccessFile => ({
  principals: [{ name: "here", addresses: ["127.0.0.0/8"] }],
  rules: [
    { principals: ["here"], record: [{}], view: [{}] },
    // Of several rules the smallest number counts.
    { principals: ["*"], quota },
    { principals: ["here"], quota: { connections: 1000, sessions: 1000, bytesOnDisk: 1e12, bytesPerSecond: 1e12 } }
  ]
})

const fatal = "ffffffff"

const incidents = ({ relay }: TestRelay.TestRelay) =>
  Effect.map(relay.activity, (activity) => activity.incidents.map(({ code, count }) => `${code} ${count}`))

it.live("connections over the quota are closed, over all ports together; one that ends makes room", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access: limited({ connections: 3 }) })
    const first = yield* relay.wire("control")
    const second = yield* relay.wire("data")
    const third = yield* relay.wire("live")
    yield* until("three", relay.relay.connections, ({ length }) => length === 3)
    for (const port of ["control", "data", "live"] as const) {
      const more = yield* relay.wire(port)
      assert.strictEqual((yield* more.readToEnd).length, 0)
    }
    assert.deepStrictEqual(yield* incidents(relay), ["CONNECTION_QUOTA 3"])
    assert.deepStrictEqual([first.isClosed(), second.isClosed(), third.isClosed()], [false, false, false])
    yield* second.close
    yield* until("two", relay.relay.connections, ({ length }) => length === 2)
    const { control } = relay.script()
    yield* (yield* control).version(13)
    assert.strictEqual((yield* relay.relay.connections).length, 3)
  })
)

it.live("a session over the quota is answered as one that cannot be made; one that ends makes room", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access: limited({ sessions: 2 }) })
    const lines: Array<string> = []
    const script = relay.script((line) => lines.push(line))
    const one = yield* script.recording({ name: "one" })
    const two = yield* script.recording({ name: "two", minor: 10, chunk: "none" })
    for (const minor of [13, 10]) {
      const three = yield* script.control
      yield* three.version(minor)
      assert.strictEqual((yield* three.createSession({ name: "three" })).id, 0n)
      // From 2.11 on it waits for a path, until it is let go.
      if (minor === 13) yield* three.closes()
    }
    assert.deepStrictEqual(yield* incidents(relay), ["SESSION_QUOTA 2"])
    assert.deepStrictEqual(
      lines
        .filter((line) => line.includes("CREATE_SESSION →"))
        .map((line) => line.includes(fatal) || line.includes("00000019")),
      [false, false, true, true]
    )
    yield* one.c.alive
    yield* two.c.close
    yield* until("one to be over", relay.relay.sessions, ({ length }) => length === 1)
    const again = yield* script.control
    yield* again.version(13)
    assert.notStrictEqual((yield* again.createSession({ name: "three" })).id, 0n)
  })
)

it.live("sessions that are asked for at once are not too many together, wherever fibers take turns", () =>
  Effect.gen(function* () {
    const count = 12
    const relay = yield* TestRelay.make({ access: limited({ sessions: 1 }) })
    const { createSession, join, message, numbers, u32 } = Commands
    const wires = yield* Effect.forEach(Array.from({ length: count }), () => relay.wire("control"))
    for (const [number, wire] of wires.entries()) {
      const create = message(numbers.CREATE_SESSION, createSession(10, { name: `s${number}`, host: "h" }))
      yield* wire.send(join(message(numbers.VERSION, join(u32(2), u32(10))), create))
    }
    const answers = yield* Effect.forEach(wires, (wire) => wire.read(8 + 12))
    assert.strictEqual(answers.filter((answer) => answer.readUInt32BE(16) === ReturnCode.OK).length, 1)
    assert.deepStrictEqual(yield* incidents(relay), [`SESSION_QUOTA ${count - 1}`])
  }).pipe(Effect.provideService(References.MaxOpsBeforeYield, 3))
)

it.live("bytes per second: no more is read, over all connections together, and all of it arrives", () =>
  Effect.gen(function* () {
    const bytesPerSecond = 2_000_000
    const relay = yield* TestRelay.make({ access: limited({ bytesPerSecond }) })
    const script = relay.script()
    const recordings = yield* Effect.all([script.recording({ name: "a" }), script.recording({ name: "b" })])
    const packetBytes = 50_000
    const packetCount = 30
    const begun = performance.now()
    let isHeldBack = false
    yield* Effect.forEach(
      recordings,
      ({ c, d, file }) =>
        Effect.gen(function* () {
          const stream = yield* c.addStream()
          for (let seq = 0; seq < packetCount; seq++) yield* d.packet(stream, seq, packetBytes)
          yield* until("bytes to be recorded", relay.relay.connections, (all) => {
            isHeldBack ||= all.some(({ heldBackBy }) => heldBackBy === "quota")
            return relay.output.size(file("ch_0")) === packetBytes * packetCount
          })
        }),
      { concurrency: "unbounded" }
    )
    const seconds = (performance.now() - begun) / 1000
    assert.isBelow((2 * packetBytes * packetCount) / seconds, bytesPerSecond * 1.05)
    assert.isTrue(isHeldBack)
    const { heldBackMillis } = yield* relay.relay.activity
    assert.isAbove(heldBackMillis.quota, 0)
  })
)

it.live("bytes per second: who comes anew for each packet waits for what came before, too", () =>
  Effect.gen(function* () {
    const bytesPerSecond = 50_000
    const relay = yield* TestRelay.make({ access: limited({ bytesPerSecond }) })
    const [packetBytes, count] = [3_500, 15]
    const { createSession, addStream, join, message, numbers, u32 } = Commands
    const begun = performance.now()
    for (let number = 0; number < count; number++) {
      // One read brings all that it says, and one the packet.
      const control = yield* relay.wire("control")
      const path = `h/s${number}/ust`
      const said = [
        message(numbers.VERSION, join(u32(2), u32(10))),
        message(numbers.CREATE_SESSION, createSession(10, { name: `s${number}`, host: "h" })),
        message(numbers.ADD_STREAM, addStream(10, { path }))
      ]
      yield* control.send(join(...said))
      const handle = (yield* control.read(8 + 12 + 12)).readBigUInt64BE(20)
      const data = yield* relay.wire("data")
      yield* data.send(join(Commands.packetHeader(handle, 0, packetBytes, 0), Commands.payload(packetBytes, 0)))
      yield* until("the packet", () => relay.output.size(`${path}/ch_0`) === packetBytes)
      yield* data.close
      yield* control.close
    }
    const seconds = (performance.now() - begun) / 1000
    assert.isBelow((packetBytes * count) / seconds, bytesPerSecond * 1.05)
  })
)

it.live("bytes per second: several principals at once, each over several connections, have each its own", () =>
  Effect.gen(function* () {
    const rates = { "127.0.0.2": 1_000_000, "127.0.0.3": 3_000_000 }
    const access: AccessFile = {
      principals: Object.keys(rates).map((address) => ({ name: address, addresses: [address] })),
      rules: Object.entries(rates).map(([address, bytesPerSecond]) => ({
        principals: [address],
        record: [{}],
        quota: { bytesPerSecond }
      }))
    }
    // A balancer in front tells whose each connection is.
    const relay = yield* TestRelay.make({ access, proxyFrom: ["127.0.0.1"] })
    const [packetBytes, connectionCount, seconds] = [20_000, 5, 2]
    let tryCount = 0
    const recorded = Effect.fnUntraced(function* (address: string, rate: number) {
      const header = Balancer.ipv4(address, 1)
      const packetCount = (rate * seconds) / connectionCount / packetBytes
      const all = yield* Effect.forEach(Array.from({ length: connectionCount }), (_, number) =>
        Effect.gen(function* () {
          const control = yield* relay.wire("control")
          const { createSession, addStream, join, message, numbers, u32 } = Commands
          yield* control.send(join(header, message(numbers.VERSION, join(u32(2), u32(10)))))
          yield* control.read(8)
          const name = `s${tryCount}-${number}-${address}`
          yield* control.send(message(numbers.CREATE_SESSION, createSession(10, { name, host: "h" })))
          yield* control.read(12)
          const path = `h/${name}/ust`
          yield* control.send(message(numbers.ADD_STREAM, addStream(10, { path })))
          const handle = (yield* control.read(12)).readBigUInt64BE(0)
          const data = yield* relay.wire("data")
          yield* data.send(header)
          return { data, handle, file: `${path}/ch_0` }
        })
      )
      const begun = performance.now()
      yield* Effect.forEach(
        all,
        ({ data, file, handle }) =>
          Effect.gen(function* () {
            for (let seq = 0; seq < packetCount; seq++) {
              const head = Commands.packetHeader(handle, seq, packetBytes, 0)
              yield* data.send(Commands.join(head, Commands.payload(packetBytes, seq)))
            }
            yield* until("all to be recorded", () => relay.output.size(file) === packetCount * packetBytes)
          }),
        { concurrency: "unbounded" }
      )
      return ((performance.now() - begun) / 1000) * rate
    })
    const wanted = Object.entries(rates).map(([address, rate]) => recorded(address, rate))
    const areAllFast = Effect.gen(function* () {
      tryCount++
      const measured = yield* Effect.all(wanted, { concurrency: "unbounded" })
      const shares = Object.values(rates).map((rate, index) => (measured[index] ?? 0) / (rate * seconds))
      // As long as the bytes take at that rate, less what a quiet time had earned, and what comes with the first reads.
      for (const share of shares) assert.isAbove(share, 0.8)
      return shares.every((share) => share < 1.2)
    })
    // Who shares a rate is never as fast; a machine that has too much to do may need another try.
    assert.isTrue(yield* Effect.repeat(areAllFast, { until: (areAll) => areAll, times: 5 }))
  })
)

it.live("bytes on disk: files that are overwritten or taken away do not count; who has too much records no more", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access: limited({ bytesOnDisk: 1_000_000 }) })
    const script = relay.script()
    const ring = yield* script.recording({ name: "ring" })
    const small = yield* ring.c.addStream({ fileSize: 100_000, fileCount: 2 })
    const sizes = () => relay.output.files().reduce((sum, path) => sum + (relay.output.size(path) ?? 0), 0)
    for (let seq = 0; seq < 30; seq++) {
      yield* ring.d.packet(small, seq, 90_000)
      yield* ring.c.index(small, { seq })
    }
    yield* ring.c.alive
    assert.deepStrictEqual(yield* incidents(relay), [])
    assert.isBelow(sizes(), 200_000)
    const large = yield* ring.c.addStream({ channel: "large_0" })
    for (let seq = 0; seq < 30; seq++) yield* ring.d.packet(large, seq, 90_000)
    yield* ring.d.closes()
    yield* until("the session to end its streams", relay.relay.counters, ({ streamCount }) => streamCount === 0)
    assert.deepStrictEqual(yield* incidents(relay), ["DISK_QUOTA 1"])
    // Before the last read was counted, none was refused.
    assert.isBelow(sizes(), 1_050_000)
    assert.isAbove(sizes(), 950_000)
    yield* ring.c.close
    yield* until("the session to end", relay.relay.sessions, ({ length }) => length === 0)
    const more = yield* script.control
    yield* more.version(13)
    assert.strictEqual((yield* more.createSession({ name: "more" })).id, 0n)
    assert.deepStrictEqual(yield* incidents(relay), ["DISK_QUOTA 2"])
    yield* more.closes()
    for (const path of relay.output.files()) yield* Effect.orDie(relay.memory.service.unlink(`/traces/${path}`))
    const after = yield* script.control
    yield* after.version(13)
    assert.notStrictEqual((yield* after.createSession({ name: "after" })).id, 0n)
  })
)

it.live("bytes on disk: a defect in the look at it ends the connection that looked, and nobody else", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access: limited({ bytesOnDisk: 1000 }) })
    const script = relay.script()
    const one = yield* script.recording({ name: "one" })
    const other = yield* script.recording({ name: "other" })
    const stream = yield* one.c.addStream()
    relay.faults.fail({ code: "EIO", operation: "readdir", times: 1, isDefect: true })
    yield* one.d.packet(stream, 0, 2000)
    yield* one.d.closes()
    assert.deepStrictEqual(yield* incidents(relay), ["CONNECTION_DEFECT 1"])
    yield* other.c.alive
  })
)

it.live("bytes on disk that an earlier relay recorded count, until they are taken away; those of others do not", () =>
  Effect.gen(function* () {
    const access = limited({ bytesOnDisk: 1_000_000 })
    const recorded = Effect.gen(function* () {
      const relay = yield* TestRelay.make({ access })
      const script = relay.script()
      for (const [name, minor] of [
        ["chunked", 13],
        ["older", 10]
      ] as const) {
        const { c, d } = yield* script.recording({ name, minor, chunk: minor === 13 ? 0 : "none" })
        const stream = yield* c.addStream(minor === 13 ? {} : { path: "h/older/ust" })
        yield* d.packet(stream, 0, 400_000)
        yield* c.index(stream, { seq: 0 })
      }
      yield* until(
        "both to be recorded",
        () => relay.output.files().reduce((sum, path) => sum + (relay.output.size(path) ?? 0), 0) > 800_000
      )
      yield* until(
        "where they are to be put down",
        () => `${relay.memory.read("/traces/.recordings")}`.split("\n").length === 3
      )
      return relay.memory
    })
    const memory = yield* Effect.scoped(recorded)
    // Of somebody else, and one that a crash cut off; the next begins a line of its own.
    const lines = `${memory.read("/traces/.recordings")}\n["other","h"]\n["here","h`
    memory.write("/traces/.recordings", Buffer.from(lines))
    yield* Effect.scoped(
      Effect.gen(function* () {
        const relay = yield* TestRelay.make({ access, memory })
        const script = relay.script()
        const { c, d } = yield* script.recording({ name: "more" })
        const stream = yield* c.addStream()
        for (let seq = 0; seq < 10; seq++) yield* d.packet(stream, seq, 90_000)
        yield* d.closes()
        assert.deepStrictEqual(yield* incidents(relay), ["DISK_QUOTA 1"])
        const more = relay.output.files().filter((path) => path.includes("more"))
        assert.isBelow(
          more.reduce((sum, path) => sum + (relay.output.size(path) ?? 0), 0),
          250_000
        )
        for (const path of relay.output.files().filter((name) => name.includes("older")))
          yield* Effect.orDie(memory.service.unlink(`/traces/${path}`))
        yield* script.recording({ name: "again" })
        assert.deepStrictEqual(yield* incidents(relay), ["DISK_QUOTA 1"])
      })
    )
  })
)

it.live(
  "bytes per second: of many connections that are open already, each with something to say, none says it twice",
  () =>
    Effect.gen(function* () {
      const bytesPerSecond = 400_000
      const relay = yield* TestRelay.make({ access: limited({ bytesPerSecond }) })
      const connectionCount = 60
      const control = yield* relay.wire("control")
      const { createSession, addStream, join, message, numbers, u32 } = Commands
      yield* control.send(
        join(
          message(numbers.VERSION, join(u32(2), u32(10))),
          message(numbers.CREATE_SESSION, createSession(10, { name: "s", host: "h" }))
        )
      )
      yield* control.read(8 + 12)
      const all = yield* Effect.forEach(Array.from({ length: connectionCount }), (_, number) =>
        Effect.gen(function* () {
          yield* control.send(message(numbers.ADD_STREAM, addStream(10, { path: "h/s", channel: `c${number}` })))
          const handle = (yield* control.read(12)).readBigUInt64BE(0)
          return { handle, data: yield* relay.wire("data") }
        })
      )
      yield* until("all to be there", relay.relay.connections, ({ length }) => length === connectionCount + 1)
      // What the quiet time had earned is a tenth of a second's.
      yield* Effect.sleep(200)
      const packetBytes = 20_000
      const received = Effect.map(relay.relay.connections, (connections) =>
        connections.reduce((sum, { port, receivedByteCount }) => sum + (port === "data" ? receivedByteCount : 0), 0)
      )
      const begun = performance.now()
      yield* Effect.forEach(
        all,
        ({ data, handle }) =>
          data.send(join(Commands.packetHeader(handle, 0, packetBytes, 0), Commands.payload(packetBytes, 0))),
        { concurrency: "unbounded", discard: true }
      )
      for (let look = 0; look < 30; look++) {
        const count = yield* received
        const millis = performance.now() - begun
        // Ahead of the rate: what was earned, what may be owed, and one first read, which brings all that there is.
        assert.isAtMost(count, (bytesPerSecond * (millis + 100 + 100)) / 1000 + packetBytes + 1000)
        yield* Effect.sleep(20)
      }
      yield* until("each to have been heard", relay.relay.connections, (connections) =>
        connections.every(({ port, receivedByteCount }) => port !== "data" || receivedByteCount > 0)
      )
    }).pipe(Effect.scoped)
)

it.live("bytes per second: who waits goes on by rules that are changed meanwhile, whatever they say then", () =>
  Effect.gen(function* () {
    const bytesPerSecond = 100_000
    const changes: ReadonlyArray<readonly [string, AccessFile]> = [
      ["none", limited({})],
      ["less", limited({ bytesPerSecond: bytesPerSecond - 10_000 })],
      ["more", limited({ bytesPerSecond: 50_000_000 })],
      [
        "of another",
        { principals: [], rules: [{ principals: ["*"], record: [{}], quota: { bytesPerSecond: 50_000_000 } }] }
      ],
      ["not at all", { principals: [], rules: [{ principals: ["*"], record: [{}] }] }]
    ]
    for (const [what, after] of changes) {
      const relay = yield* TestRelay.make({ access: limited({ bytesPerSecond }) })
      const script = relay.script()
      const recordings = yield* Effect.all([script.recording({ name: "a" }), script.recording({ name: "b" })])
      const [packetBytes, packetCount] = [50_000, 20]
      const streams = yield* Effect.forEach(recordings, ({ c }) => c.addStream())
      for (const [index, { d }] of recordings.entries()) {
        for (let seq = 0; seq < packetCount; seq++) yield* d.packet(streams[index] as bigint, seq, packetBytes)
      }
      yield* until(
        "both to be held back",
        relay.relay.connections,
        (all) => all.filter(({ heldBackBy, port }) => port === "data" && heldBackBy === "quota").length === 2
      )
      yield* relay.relay.replaceAccess(after)
      const before = new Map(
        (yield* relay.relay.connections).map(({ id, receivedByteCount }) => [id, receivedByteCount])
      )
      const total = packetBytes * packetCount
      yield* until(
        `both to go on, by ${what}`,
        what === "less"
          ? Effect.map(relay.relay.connections, (all) =>
              all.every(
                ({ id, port, receivedByteCount }) =>
                  port !== "data" || receivedByteCount > (before.get(id) ?? 0) + 10_000
              )
            )
          : // At the earlier rate it would take 20 s.
            Effect.sync(() => recordings.every(({ file }) => relay.output.size(file("ch_0")) === total)),
        { seconds: 10 }
      )
    }
  })
)

it.live("what is kept of sessions of edges that did not come back is on its disk, after a start, too", () =>
  Effect.gen(function* () {
    const memory = new MemoryFiles()
    const token = "1".repeat(32)
    const path = `/traces/.journals/${token}`
    memory.write(`${path}.json`, Buffer.from(JSON.stringify({ edgeName: "edge", peer: "127.0.0.1:1" })))
    memory.write(`${path}.history`, Buffer.alloc(2000))
    memory.write(`${path}.expired`, Buffer.alloc(0))
    const relay = yield* TestRelay.make({ memory, access: limited({ bytesOnDisk: 2000 }) })
    const begun = Effect.gen(function* () {
      const { control } = relay.script()
      const c = yield* control
      yield* c.version(13)
      return (yield* c.createSession({ name: "one" })).id
    })
    assert.strictEqual(yield* begun, 0n)
    assert.deepStrictEqual(yield* incidents(relay), ["DISK_QUOTA 1"])
    // Its edge comes back, and what was kept is of no use.
    yield* Journal.opened(yield* relay.wire("control"), Journal.opening(token))
    assert.notStrictEqual(yield* begun, 0n)
  })
)
