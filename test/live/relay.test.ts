/**
 * The relay in this process, over a disk the test can stop, count, and damage: what viewers get from memory, what from
 * files, what a bad viewer costs, and what is left when all have gone.
 */
import { truncateSync, unlinkSync } from "node:fs"
import { join } from "node:path"
import { assert, it, vi } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { u32, u64 } from "../sidebyside/commands.ts"
import * as Process from "../support/process.ts"
import { turns } from "../support/turns.ts"
import { ok, onePacket, recorded, setUp } from "./inProcess.ts"
import { ring } from "./scenarios/rings.ts"
import { numbers, request } from "./viewer.ts"

it.live("a disk that stands still does not keep what just arrived from its viewers", () =>
  Effect.gen(function* () {
    const { answers, disk, script } = yield* setUp({ liveCacheBytes: onePacket })
    const { stream, meta, tracer } = yield* recorded(script)
    const viewer = yield* script.viewer
    yield* viewer.attach(1, "last")
    yield* viewer.metadata(meta.id)
    answers()
    disk.writable.closeUnsafe()
    for (const seq of [0, 1]) {
      yield* tracer.d.packet(stream.id, seq, 16)
      yield* tracer.c.index(stream.id, { seq })
      yield* viewer.nextUntilKnown(stream.id)
      yield* viewer.packet(stream.id, seq * 16, 16)
    }
    assert.deepStrictEqual(answers(), [ok(0, 0), "PACKET 1 0+16 → ok 16×01", ok(16, 1), "PACKET 1 16+16 → ok 16×02"])
    // Too large for the memory: nobody can read it before the disk has it, and time does not pass it either.
    yield* tracer.d.packet(stream.id, 2, 5000)
    yield* tracer.c.index(stream.id, { seq: 2, bytes: 5000 })
    yield* stream.beacon(5000)
    yield* viewer.next(stream.id)
    assert.deepStrictEqual(answers(), ["NEXT 1 → retry"])
    disk.writable.openUnsafe()
    yield* viewer.nextUntilKnown(stream.id)
    yield* viewer.packet(stream.id, 32, 5000)
    assert.deepStrictEqual(answers(), [ok(32, 2, 5000), "PACKET 1 32+5000 → ok 5000×03"])
  })
)

it.live.each([
  ["the usual memory", {}],
  ["more memory than numbers of 32 bits count", { liveCacheBytes: 2 ** 33 }]
] as const)("viewers at the tail cost no reads, with %s", ([, changes]) =>
  Effect.gen(function* () {
    const { answers, disk, script } = yield* setUp(changes)
    const { stream, meta } = yield* recorded(script)
    const viewers = yield* Effect.forEach(Array.from({ length: 10 }), () => script.viewer)
    for (const viewer of viewers) {
      yield* viewer.attach(1, "last")
      yield* viewer.metadata(meta.id)
    }
    answers()
    const before = disk.readCount
    for (let seq = 0; seq < 20; seq++) {
      yield* stream.packet(seq)
      for (const viewer of viewers) {
        yield* viewer.next(stream.id)
        yield* viewer.packet(stream.id, seq * 16, 16)
      }
    }
    assert.strictEqual(disk.readCount, before)
    const shown = answers()
    assert.strictEqual(shown.length, 400)
    assert.strictEqual(shown.at(-1), "PACKET 1 304+16 → ok 16×14")
  })
)

it.live("the memory for viewers is one for all sessions: the newest packets of any of them need no reads", () =>
  Effect.gen(function* () {
    const memoryCount = 4
    const { answers, disk, script } = yield* setUp({ liveCacheBytes: memoryCount * onePacket })
    const names = ["a", "b", "c", "d", "e", "f"]
    const watched = yield* Effect.forEach(names, (name, at) =>
      Effect.gen(function* () {
        const { stream } = yield* recorded(script, name)
        const viewer = yield* script.viewer
        yield* viewer.attach(at + 1, "last")
        return { stream, viewer }
      })
    )
    for (const { stream, viewer } of watched) {
      yield* stream.packet(0)
      yield* viewer.next(stream.id)
    }
    answers()
    const readCounts: Array<number> = []
    for (const { stream, viewer } of watched) {
      const before = disk.readCount
      yield* viewer.packet(stream.id, 0, 16)
      readCounts.push(disk.readCount - before)
    }
    assert.deepStrictEqual(readCounts, [1, 1, 0, 0, 0, 0])
    assert.deepStrictEqual(
      answers(),
      watched.map(({ stream }) => `PACKET ${stream.id} 0+16 → ok 16×01`)
    )
  })
)

/** A tracer's packets of `bytes`, all of them in their file. */
const packetsOf = ({ stream, tracer }: Effect.Success<ReturnType<typeof recorded>>, count: number, bytes: number) =>
  Effect.gen(function* () {
    for (let seq = 0; seq < count; seq++) {
      yield* tracer.d.packet(stream.id, seq, bytes)
      yield* tracer.c.index(stream.id, { seq, bytes })
    }
  })

const shownPacket = (id: bigint, seq: number, bytes: number) =>
  `PACKET ${id} ${seq * bytes}+${bytes} → ok ${bytes}×${(seq + 1).toString(16).padStart(2, "0")}`

it.live("a viewer that is behind reads more small packets at once the longer it uses what was read", () =>
  Effect.gen(function* () {
    const { answers, disk, script } = yield* setUp()
    const session = yield* recorded(script)
    const { stream, meta } = session
    const [packetBytes, count] = [4096, 60]
    yield* packetsOf(session, count, packetBytes)
    const viewer = yield* script.viewer
    yield* viewer.attach(1, "beginning")
    yield* viewer.metadata(meta.id)
    answers()
    const readAt: Array<number> = []
    for (let seq = 0; seq < count; seq++) {
      yield* viewer.next(stream.id)
      const before = disk.readCount
      yield* viewer.packet(stream.id, seq * packetBytes, packetBytes)
      if (disk.readCount > before) readAt.push(seq)
    }
    assert.deepStrictEqual(readAt, [0, 4, 12, 28, 44])
    const packets = answers().filter((line) => line.startsWith("PACKET"))
    assert.deepStrictEqual(
      packets,
      Array.from({ length: count }, (_, seq) => shownPacket(stream.id, seq, packetBytes))
    )
  })
)

it.live("a packet is read though those behind it, which would be read with it, cannot be", () =>
  Effect.gen(function* () {
    const { answers, disk, script } = yield* setUp()
    const session = yield* recorded(script)
    const [id, packetBytes, count] = [session.stream.id, 512, 6]
    yield* packetsOf(session, count, packetBytes)
    const viewer = yield* script.viewer
    yield* viewer.attach(1, "beginning")
    answers()
    disk.badFrom = (count - 1) * packetBytes
    for (let seq = 0; seq < count; seq++) {
      yield* viewer.next(id)
      yield* viewer.packet(id, seq * packetBytes, packetBytes)
    }
    const packets = answers().filter((line) => line.startsWith("PACKET"))
    const readable = Array.from({ length: count - 1 }, (_, seq) => shownPacket(id, seq, packetBytes))
    assert.deepStrictEqual(packets.slice(0, -1), readable)
    assert.include(packets.at(-1), "error")
  })
)

it.live("viewers that take each other's memory for what is read ahead get every packet, by a read each at most", () =>
  Effect.gen(function* () {
    const [packetBytes, count] = [4000, 20]
    const { answers, disk, script } = yield* setUp({ liveCacheBytes: 2 * 4 * 4096 })
    const watched = yield* Effect.forEach(["a", "b", "c", "d"], (name, at) =>
      Effect.gen(function* () {
        const session = yield* recorded(script, name)
        yield* packetsOf(session, count, packetBytes)
        const viewer = yield* script.viewer
        yield* viewer.attach(at + 1, "beginning")
        return { id: session.stream.id, viewer }
      })
    )
    answers()
    let readCount = 0
    for (let seq = 0; seq < count; seq++) {
      for (const { id, viewer } of watched) {
        yield* viewer.next(id)
        const before = disk.readCount
        yield* viewer.packet(id, seq * packetBytes, packetBytes)
        readCount += disk.readCount - before
      }
    }
    assert.isAtMost(readCount, watched.length * count)
    const packets = answers().filter((line) => line.startsWith("PACKET"))
    const expected = Array.from({ length: count }, (_, seq) =>
      watched.map(({ id }) => shownPacket(id, seq, packetBytes))
    )
    assert.deepStrictEqual(packets, expected.flat())
  })
)

it.live("viewers that are behind read a packet once for all of them", () =>
  Effect.gen(function* () {
    const { answers, disk, script } = yield* setUp({ liveCacheBytes: 80_000 })
    const session = yield* recorded(script)
    const { stream, meta } = session
    // Two of them are more than is read at once from the beginning on.
    const packetBytes = 9000
    const count = 12
    yield* packetsOf(session, count, packetBytes)
    const viewers = yield* Effect.forEach(Array.from({ length: 10 }), () => script.viewer)
    for (const viewer of viewers) {
      yield* viewer.attach(1, "beginning")
      yield* viewer.metadata(meta.id)
      yield* viewer.next(stream.id)
    }
    answers()
    const before = disk.readCount
    for (let seq = 0; seq < count; seq++) {
      const packet = (viewer: (typeof viewers)[number]) => viewer.packet(stream.id, seq * packetBytes, packetBytes)
      yield* Effect.forEach(viewers, packet, { concurrency: "unbounded", discard: true })
      if (seq < count - 1) for (const viewer of viewers) yield* viewer.next(stream.id)
    }
    assert.isAtMost(disk.readCount - before, count)
    const packets = answers().filter((line) => line.startsWith("PACKET"))
    const expected = Array.from({ length: count }, (_, seq) =>
      viewers.map(() => shownPacket(stream.id, seq, packetBytes))
    )
    assert.deepStrictEqual(packets, expected.flat())
  })
)

it.live("an answered packet is served when the memory has forgotten it and its file has lost its name", () =>
  Effect.gen(function* () {
    const { answers, script } = yield* setUp({ liveCacheBytes: onePacket })
    const { id, packet } = yield* ring(script, 2)
    const viewer = yield* script.viewer
    yield* viewer.attach(1, "last")
    yield* packet(0)
    answers()
    yield* viewer.next(id)
    for (let seq = 1; seq < 8; seq++) yield* packet(seq)
    yield* viewer.packet(id, 0, 16)
    yield* viewer.next(id)
    yield* viewer.packet(id, 0, 16)
    const [first, old, , next] = answers()
    assert.strictEqual(first?.split(",")[0], "NEXT 1 → ok at 0")
    assert.strictEqual(old, "PACKET 1 0+16 → ok 16×01")
    assert.strictEqual(next, "PACKET 1 0+16 → ok 16×05")
  })
)

it.live(
  "the first packet of a stream that came late is shown when only its file has it, asked for too early or in turn",
  () =>
    Effect.gen(function* () {
      const { answers, script } = yield* setUp({ liveCacheBytes: onePacket })
      const { tracer, stream } = yield* recorded(script)
      const viewer = yield* script.viewer
      yield* viewer.attach(1, "last")
      yield* stream.packet(5)
      yield* viewer.next(stream.id)
      const late = yield* tracer.stream("late")
      yield* tracer.c.streamsSent
      yield* late.packet(0)
      yield* stream.packet(6)
      yield* viewer.newStreams(1)
      answers()
      yield* viewer.packet(late.id, 0, 16)
      yield* viewer.next(late.id)
      yield* viewer.packet(late.id, 0, 16)
      const shown = "PACKET 3 0+16 → ok 16×01"
      assert.deepStrictEqual(answers(), [shown, `${ok(0, 0).replace("NEXT 1", "NEXT 3")} +metadata`, shown])
    })
)

it.live.each([
  ["beside others", {}],
  ["that has all memory for newest packets", { liveCacheBytes: 2 * 25 * 4096 }]
] as const)("a viewer that reads nothing costs a bounded amount, and nobody else's time; %s", ([, changes]) =>
  Effect.gen(function* () {
    const { answers, script } = yield* setUp(changes)
    const { stream } = yield* recorded(script)
    const size = 100_000
    const stalled = yield* script.deaf
    yield* stalled.send(
      Buffer.concat([
        request(numbers.CONNECT, Buffer.concat([u64(0), u32(2), u32(15), u32(1)])),
        request(numbers.CREATE)
      ])
    )
    yield* stalled.send(request(numbers.ATTACH, Buffer.concat([u64(1), u64(0), u32(1)])))
    const viewer = yield* script.viewer
    yield* viewer.attach(1, "beginning")
    yield* stream.packet(0, { bytes: size })
    yield* stalled.send(request(numbers.NEXT, u64(stream.id)))
    const before = process.memoryUsage().arrayBuffers
    const ask = request(numbers.PACKET, Buffer.concat([u64(stream.id), u64(0), u32(size)]))
    // 500 MB of answers.
    yield* stalled.send(Buffer.concat(Array.from({ length: 5000 }, () => ask)))
    answers()
    yield* viewer.next(stream.id)
    yield* viewer.packet(stream.id, 0, size)
    for (let seq = 1; seq < 5; seq++) {
      yield* stream.packet(seq, { bytes: size })
      yield* viewer.next(stream.id)
      yield* viewer.packet(stream.id, seq * size, size)
    }
    assert.strictEqual(answers().at(-1), `PACKET 1 ${4 * size}+${size} → ok ${size}×05`)
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 30 * 1024 * 1024)
    yield* stalled.reset
  })
)

it.live("viewers that vanish leave nothing: no open file, no place in the listing", () =>
  Effect.gen(function* () {
    const { answers, openFileCount, script } = yield* setUp({ liveCacheBytes: 0 })
    const { stream } = yield* recorded(script)
    for (const seq of [0, 1, 2]) yield* stream.packet(seq)
    const before = yield* openFileCount
    const viewers = yield* Effect.forEach(Array.from({ length: 20 }), () => script.viewer)
    for (const viewer of viewers) {
      yield* viewer.attach(1, "beginning")
      yield* viewer.next(stream.id)
    }
    // One descriptor for all of them.
    assert.strictEqual(yield* openFileCount, before + 1)
    for (const viewer of viewers) {
      yield* viewer.send(request(numbers.METADATA, u64(2n)).subarray(0, 20))
      yield* viewer.reset
    }
    yield* Process.until("no viewer", script.clients(1), (clients) => clients === 0)
    yield* Process.until("no file of a viewer", openFileCount, (count) => count === before)
    answers()
  })
)

it.live("files damaged under their viewers: an error or nothing, never a wrong byte and never silence", () =>
  Effect.gen(function* () {
    const { answers, output, openFileCount, script } = yield* setUp({ liveCacheBytes: 0 })
    const { stream, meta, tracer } = yield* recorded(script)
    for (const seq of [0, 1, 2]) yield* stream.packet(seq)
    const openCount = yield* openFileCount
    const viewer = yield* script.viewer
    yield* viewer.attach(1, "beginning")
    yield* viewer.next(stream.id)
    answers()
    truncateSync(join(output, tracer.file("ch_0")), 20)
    yield* viewer.packet(stream.id, 0, 16)
    yield* viewer.packet(stream.id, 16, 16)
    truncateSync(join(output, tracer.file("metadata")), 4)
    yield* viewer.metadata(meta.id)
    assert.deepStrictEqual(answers(), ["PACKET 1 0+16 → ok 16×01", "PACKET 1 16+16 → error", "METADATA 2 → ok"])
    yield* viewer.detach(1)
    yield* Process.until("no file of a viewer", openFileCount, (count) => count === openCount)
    unlinkSync(join(output, tracer.file("metadata")))
    unlinkSync(join(output, tracer.file("ch_0")))
    const late = yield* script.viewer
    yield* late.attach(1, "beginning")
    answers()
    yield* late.next(stream.id)
    yield* late.metadata(meta.id)
    assert.deepStrictEqual(answers(), ["NEXT 1 → error +metadata", "METADATA 2 → no new"])
  })
)

it.live("a disk that fails: what was written is read, then the stream hangs up", () =>
  Effect.gen(function* () {
    const { answers, disk, script } = yield* setUp({ liveCacheBytes: 0 })
    const { stream, meta, tracer } = yield* recorded(script)
    yield* stream.packet(0)
    const viewer = yield* script.viewer
    yield* viewer.attach(1, "beginning")
    yield* viewer.metadata(meta.id)
    disk.isFull = true
    yield* tracer.d.packet(stream.id, 1, 16)
    yield* tracer.d.closes()
    answers()
    yield* viewer.next(stream.id)
    yield* viewer.packet(stream.id, 0, 16)
    yield* viewer.nextUntilKnown(stream.id)
    yield* viewer.newStreams(1)
    assert.deepStrictEqual(answers(), [ok(0, 0), "PACKET 1 0+16 → ok 16×01", "NEXT 1 → hup", "NEW_STREAMS 1 → hup"])
  })
)

it.live("who asks again at once for what was not there waits a little, or until it has come", () =>
  Effect.gen(function* () {
    // The relay's time stands still: no time passes between two questions, and no pause ends by itself.
    const clock = yield* TestClock.make()
    const { answers, script } = yield* Effect.provideService(setUp(), Clock.Clock, clock)
    const { stream } = yield* recorded(script)
    const viewer = yield* script.viewer
    yield* viewer.attach(1, "last")
    answers()
    let instant = performance.now()
    const now = vi.spyOn(performance, "now").mockImplementation(() => instant)
    yield* Effect.addFinalizer(() => Effect.sync(() => now.mockRestore()))
    yield* stream.beacon(40)
    instant += 1000
    yield* viewer.next(stream.id)
    const again = yield* Effect.forkScoped(viewer.next(stream.id), { startImmediately: true })
    yield* turns(20)
    assert.deepStrictEqual(answers(), ["NEXT 1 → inactive until 40, class 5 +metadata"])
    yield* stream.packet(3)
    yield* Fiber.join(again)
    assert.match(answers()[0] ?? "", /^NEXT 1 → ok/)
    yield* viewer.next(stream.id)
    assert.deepStrictEqual(answers(), ["NEXT 1 → retry +metadata"])
    const later = yield* Effect.forkScoped(viewer.next(stream.id), { startImmediately: true })
    yield* turns(20)
    assert.deepStrictEqual(answers(), [])
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(clock.adjust("10 millis"), turns(1))))
    yield* Fiber.join(later)
    assert.deepStrictEqual(answers(), ["NEXT 1 → retry +metadata"])
  })
)

it.live("how far a viewer is behind is said in packets, and from its first packet on in the trace's time", () =>
  Effect.gen(function* () {
    const { relay, script } = yield* setUp()
    const { stream, meta } = yield* recorded(script)
    const viewer = yield* script.viewer
    yield* viewer.attach(1, "beginning")
    yield* viewer.metadata(meta.id)
    const lag = Effect.map(relay.sessions, (sessions) =>
      sessions.flatMap(({ viewers }) => viewers.map(({ lagNanos, lagPacketCount }) => [lagPacketCount, lagNanos]))
    )
    for (const seq of [0, 1, 2]) yield* stream.packet(seq)
    const lags = [yield* lag]
    for (const _ of [0, 1, 2]) {
      yield* viewer.nextUntilKnown(stream.id)
      lags.push(yield* lag)
    }
    assert.deepStrictEqual(lags.flat(), [
      [3, 0],
      [2, 20],
      [1, 10],
      [0, 0]
    ])
  })
)

it.live("a published stream that says nothing is a stall of its session, and of no other", () =>
  Effect.gen(function* () {
    const { relay, script } = yield* setUp()
    const silent = yield* script.tracer({ name: "silent", liveTimer: 1 })
    yield* silent.stream("ch_0")
    yield* silent.c.streamsSent
    const unpublished = yield* script.tracer({ name: "unpublished", liveTimer: 1 })
    yield* unpublished.stream("ch_0")
    const stalls = Effect.map(relay.sessions, (sessions) =>
      sessions.map(({ name, stallCount }) => `${name} ${stallCount}`)
    )
    const isSeen = Effect.map(stalls, (all) => all.includes("silent 1"))
    yield* Process.until("the silence to be seen", isSeen)
    assert.deepStrictEqual(yield* stalls, ["silent 1", "unpublished 0"])
  })
)

it.live("a target that vanished and began again: the dead session goes when it is found stalled", () =>
  Effect.gen(function* () {
    const clock = yield* TestClock.make()
    const { relay, script } = yield* Effect.provideService(setUp(), Clock.Clock, clock)
    const board = Effect.gen(function* () {
      const tracer = yield* script.tracer({ name: "board" })
      const stream = yield* tracer.stream("ch_0")
      yield* tracer.c.streamsSent
      return stream
    })
    const sessions = Effect.map(relay.sessions, (all) =>
      all.map(({ id, isStalled }) => `${id}${isStalled ? " stalled" : ""}`).join(", ")
    )
    const until = (what: string) => Process.until(what, sessions, (found) => found === what)
    yield* board
    yield* clock.adjust("15 seconds")
    yield* until("1 stalled")
    const second = yield* board
    yield* until("2")
    const third = yield* board
    for (let passed = 0; passed < 130; passed++) {
      yield* third.beacon(passed)
      yield* clock.adjust("1 seconds")
    }
    // The second was heard before the third began: two boards of one name, until it has been silent for long.
    void second
    yield* until("3")
    yield* clock.adjust("130 seconds")
    yield* until("")
  })
)
