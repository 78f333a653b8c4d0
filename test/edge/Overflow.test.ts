/** A spool that is full, or old: who waits, what is dropped, who ends; and that the rest arrives all the same. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as Overflow from "../../src/edge/spool/Overflow.ts"
import * as Machine from "../../src/Machine.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"

const bytesMax = 4 * 1024 * 1024
const packetBytes = 20_000
/** One read of a tracer. */
const readBytesMax = 512 * 1024
/** Twice what fits. */
const packetCount = Math.floor((2 * bytesMax) / packetBytes)

const begin = Effect.fnUntraced(function* (options: Partial<Local.Options>) {
  const relay = yield* TestRelay.make()
  const linked = yield* Local.linked(relay, { bytesMax, ...options })
  linked.link.isDown = true
  return { relay, ...linked }
})

/** Index records of the relay's file, by their packet numbers. */
const recordedOf = (bytes: Uint8Array): ReadonlyArray<number> => {
  const index = Buffer.from(bytes)
  const size = index.readUInt32BE(12)
  const numbers: Array<number> = []
  for (let at = 16; at < index.length; at += size) numbers.push(Number(index.readBigUInt64BE(at + size - 8)))
  return numbers
}

const played = (script: Script.Script, session: object, count: number) =>
  Effect.gen(function* () {
    const { c, d } = yield* script.recording(session)
    const stream = yield* c.addStream()
    for (let seq = 0; seq < count; seq++) {
      yield* d.packet(stream, seq, packetBytes)
      yield* c.index(stream, { seq, packetSeq: seq, bytes: packetBytes, begin: 10 * seq, end: 10 * seq + 5 })
    }
    yield* c.closeStream(stream, count - 1)
    yield* c.close
    yield* d.close
  })

const dropsTheOldest = (packetBytes: number, packetCount: number) =>
  Effect.gen(function* () {
    const { link, local, relay, script } = yield* begin({ policyOf: () => "drop" })
    const { c, d, file } = yield* script.recording()
    const stream = yield* c.addStream()
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.metadata(metadata, Buffer.alloc(3000, "m"))
    for (let seq = 0; seq < packetCount; seq++) {
      yield* d.packet(stream, seq, packetBytes)
      yield* c.index(stream, { seq, packetSeq: seq, bytes: packetBytes, begin: 10 * seq, end: 10 * seq + 5 })
      if (seq % 50 === 0) yield* c.metadata(metadata, Buffer.alloc(300, `${seq % 7}`))
    }
    assert.isAtMost(local.edge.spool.byteCount, bytesMax)
    const [journal] = [...local.edge.spool.journals.values()]
    const droppedCount = journal?.droppedPacketCount ?? 0
    assert.isAbove(droppedCount, packetCount / 3)
    const counted = { packetCount: droppedCount, byteCount: journal?.droppedByteCount ?? 0 }
    assert.deepStrictEqual(local.edge.spool.losses.all, [
      { name: journal?.about.name ?? "", policy: "drop", ...counted }
    ])
    yield* c.closeStream(stream, packetCount - 1)
    yield* c.closeStream(metadata, 2n ** 64n - 1n)
    yield* c.close
    yield* d.close
    link.isDown = false
    yield* local.forwarded
    yield* Local.quiet(relay)
    const path = file("ch_0")
    const index = relay.output.files().find((name) => name.endsWith("ch_0.idx"))
    const recorded = recordedOf(relay.output.read(index ?? "") ?? Buffer.alloc(16))
    assert.strictEqual(recorded.length, packetCount - droppedCount)
    assert.strictEqual(relay.output.size(path), recorded.length * packetBytes)
    assert.strictEqual(recorded[0], 0)
    assert.strictEqual(recorded.at(-1), packetCount - 1)
    assert.deepStrictEqual(
      recorded,
      [...recorded].sort((a, b) => a - b)
    )
    assert.strictEqual(relay.output.size(file("metadata")), 3000 + 300 * Math.ceil(packetCount / 50))
  })

describe("a spool that is full", () => {
  for (const isSent of [false, true]) {
    it.live(
      `drops what an earlier edge left, ${isSent ? "but what that may have sent" : "of which nothing was sent"}`,
      () =>
        Effect.gen(function* () {
          const relay = yield* TestRelay.make()
          const link = yield* new Link(() => relay.controlPort).open
          link.isDown = !isSent
          const files = new MemoryFiles().service
          const how = {
            controlPort: link.port,
            dataPort: relay.dataPort,
            bytesMax,
            files,
            policyOf: () => "drop" as const
          }
          const scope = yield* Scope.make()
          const before = yield* Scope.provide(Local.start(how), scope)
          const early = Script.make(before, relay.output, () => {})
          if (isSent) {
            const { c } = yield* early.recording({ name: "kept", sessionId: 3 })
            yield* c.addStream()
            yield* until("its beginning to be sent", () =>
              [...before.edge.spool.journals.values()].every(({ received }) => received > 0)
            )
            link.isDown = true
            link.cut()
          }
          const count = Math.floor((0.8 * bytesMax) / packetBytes)
          yield* played(early, { name: "early" }, count)
          yield* Scope.close(scope, Exit.void)
          const local = yield* Local.start(how)
          const late = Script.make(local, relay.output, () => {})
          yield* played(late, { name: "late", sessionId: 2 }, count)
          const { spool } = local.edge
          assert.isAtMost(spool.byteCount, bytesMax)
          const lost = spool.losses.all.map(({ name }) => name)
          assert.include(lost, "h/early")
          link.isDown = false
          yield* local.forwarded
          yield* Local.quiet(relay)
          const indexes = relay.output.files().filter((path) => path.endsWith(".idx"))
          const recorded = indexes.map((path) => recordedOf(relay.output.read(path) ?? Buffer.alloc(16)))
          const lostCount = spool.losses.all.reduce((sum, { packetCount }) => sum + packetCount, 0)
          assert.strictEqual(recorded.flat().length, 2 * count - lostCount)
        })
    )
  }

  // The longer ones are as long as eight segments.
  for (const [packetBytes, times] of [
    [20_000, 2],
    [20_000, 6],
    [500_000, 6]
  ] as const) {
    const packetCount = Math.floor((times * bytesMax) / packetBytes)
    const what = `${times} times what fits in packets of ${packetBytes} bytes`
    it.live(`drops the oldest packets, whole, and nothing else: ${what}`, () =>
      dropsTheOldest(packetBytes, packetCount)
    )
  }

  it.live("does not fill with beacons: of each stream the newest in a while is kept", () =>
    Effect.gen(function* () {
      const { link, local, relay, script } = yield* begin({ policyOf: () => "drop" })
      const { c, d, file } = yield* script.recording({ liveTimer: 1 })
      const [idle, other] = [yield* c.addStream(), yield* c.addStream({ channel: "ch_1" })]
      yield* d.packet(other, 0, 100)
      yield* c.index(other, { seq: 0, packetSeq: 0, bytes: 100 })
      const batch = Array.from({ length: 1000 }, (_, end) =>
        Commands.message(Commands.numbers.SEND_INDEX, Commands.sendIndex(c.minor, idle, { seq: 0, bytes: 0, end }))
      )
      const beacons = Buffer.concat(batch)
      for (let sent = 0; sent < 3 * bytesMax; sent += beacons.length) {
        yield* c.raw(beacons)
        yield* c.reply("beacons", 4 * batch.length)
      }
      assert.isBelow(local.edge.spool.byteCount, bytesMax)
      assert.deepStrictEqual(local.edge.spool.losses.all, [])
      link.isDown = false
      yield* c.close
      yield* d.close
      yield* local.forwarded
      yield* Local.quiet(relay)
      assert.strictEqual(relay.output.size(file("ch_0")), 0)
    })
  )

  it.live("ends the session at the relay, as its policy says, with what came until then; the tracer goes on", () =>
    Effect.gen(function* () {
      const { link, local, relay, script } = yield* begin({ policyOf: () => "stop" })
      const { c, d, file } = yield* script.recording()
      const stream = yield* c.addStream()
      for (let seq = 0; seq < packetCount; seq++) {
        yield* d.packet(stream, seq, packetBytes)
        yield* c.index(stream, { seq, packetSeq: seq, bytes: packetBytes })
      }
      assert.isAtMost(local.edge.spool.byteCount, bytesMax + readBytesMax)
      const { losses } = local.edge.spool
      link.isDown = false
      yield* local.forwarded
      yield* Local.quiet(relay)
      // The session goes on here when the relay has long had its end.
      yield* d.packet(stream, packetCount, packetBytes)
      yield* c.index(stream, { seq: packetCount, packetSeq: packetCount, bytes: packetBytes })
      yield* c.closeStream(stream, packetCount)
      yield* c.close
      yield* d.close
      const lostCount = losses.all[0]?.packetCount ?? 0
      const keptCount = packetCount + 1 - lostCount
      assert.isAbove(keptCount, packetCount / 4)
      assert.deepStrictEqual(losses.all, [
        { name: losses.all[0]?.name ?? "", policy: "stop", packetCount: lostCount, byteCount: lostCount * packetBytes }
      ])
      assert.strictEqual(relay.output.size(file("ch_0")), keptCount * packetBytes)
      assert.strictEqual(local.edge.spool.journals.size, 0)
    })
  )

  it.live("leaves others their share while one session fills it", () =>
    Effect.gen(function* () {
      const { local, script } = yield* begin({})
      const first = yield* script.recording({ name: "greedy", sessionId: 1 })
      const other = yield* script.recording({ name: "modest", sessionId: 2 })
      const [greedy, modest] = [yield* first.c.addStream(), yield* other.c.addStream()]
      const filled = Effect.gen(function* () {
        for (let seq = 0; ; seq++) yield* first.d.packet(greedy, seq, packetBytes)
      })
      yield* Effect.raceFirst(
        filled,
        until("the spool to be full", () => !local.edge.spool.holding.hasRoom)
      )
      for (let seq = 0; seq < 5; seq++) {
        yield* other.d.packet(modest, seq, packetBytes)
        // Answered, so it was read and written.
        yield* other.c.index(modest, { seq, packetSeq: seq, bytes: packetBytes })
      }
      // And what had been read of it already.
      assert.isAtMost(local.edge.spool.byteCount, bytesMax + readBytesMax)
    })
  )
})

/** Of a disk, of which others have nearly all. */
const taken = { totalBytes: 1000 * bytesMax, freeBytes: bytesMax }

describe("a spool that has more than it may", () => {
  for (const [why, how] of [
    ["its limit is another", { bytesMax: bytesMax / 8 }],
    ["its disk is full of other things", { capacity: Effect.succeed(taken) }]
  ] as const) {
    it.live(`keeps no session from beginning: ${why}`, () =>
      Effect.gen(function* () {
        const files = new MemoryFiles().service
        const scope = yield* Scope.make()
        const before = yield* Scope.provide(begin({ files }), scope)
        yield* played(before.script, { name: "early" }, Math.floor((0.8 * bytesMax) / packetBytes))
        yield* Scope.close(scope, Exit.void)
        const { link, local, relay, script } = yield* begin({ files, ...how })
        assert.isFalse(local.edge.spool.holding.hasRoom)
        const { c, file } = yield* script.recording({ name: "late", sessionId: 2 })
        const metadata = yield* c.addStream({ channel: "metadata" })
        yield* c.metadata(metadata, Buffer.alloc(3000, "m"))
        yield* c.closeStream(metadata, 2n ** 64n - 1n)
        yield* c.close
        link.isDown = false
        yield* local.forwarded
        yield* Local.quiet(relay)
        assert.strictEqual(relay.output.size(file("metadata")), 3000)
      })
    )
  }
})

describe("a small disk", () => {
  const diskBytes = 8 * 1024 * 1024
  for (const [sessionCount, byteCount] of [
    [1, 1024 * 1024],
    [2, 256 * 1024]
  ] as const) {
    it.live(`of 8 MiB is enough for ${sessionCount} at once with packets of ${byteCount} bytes`, () =>
      Effect.gen(function* () {
        const relay = yield* TestRelay.make()
        let local: Local.Local | undefined
        const usedBytes = () => local?.edge.spool.byteCount ?? 0
        let mostBytes = 0
        const capacity = Effect.sync(() => ({ totalBytes: diskBytes, freeBytes: diskBytes - usedBytes() }))
        local = yield* Local.start({ ...relay, bytesMax: 16 * diskBytes, capacity })
        const script = Script.make(local, relay.output, () => {})
        const traced = (number: number) =>
          Effect.gen(function* () {
            const { c, d } = yield* script.recording({ name: `s${number}`, sessionId: number })
            const stream = yield* c.addStream()
            const count = (3 * diskBytes) / byteCount
            for (let seq = 0; seq < count; seq++) {
              yield* d.packet(stream, seq, byteCount)
              yield* c.index(stream, { seq })
              mostBytes = Math.max(mostBytes, usedBytes())
            }
            yield* c.closeStream(stream, count - 1)
            yield* c.close
            yield* d.close
          })
        const numbers = Array.from({ length: sessionCount }, (_, at) => at + 1)
        yield* Effect.forEach(numbers, traced, { concurrency: "unbounded" })
        yield* local.forwarded
        yield* Local.quiet(relay)
        assert.isBelow(mostBytes, diskBytes)
        const sizes = relay.output.files().filter((path) => path.endsWith("ch_0"))
        assert.deepStrictEqual(
          sizes.map((path) => relay.output.size(path)),
          numbers.map(() => 3 * diskBytes)
        )
      })
    )
  }
})

/** Some segments. */
const agedCount = 60

describe("packets that have waited for too long", () => {
  it.live("are not those of before the clock was set", () =>
    Effect.gen(function* () {
      const { local, script } = yield* begin({ ageMillisMax: 3_600_000 })
      yield* played(script, {}, agedCount)
      const [journal] = [...local.edge.spool.journals.values()]
      const restore = Machine.replace({ ...Machine, wallMillis: () => Date.now() + 365 * 86_400_000 })
      yield* Effect.ensuring(Effect.timeoutOption(local.edge.spool.age, "300 millis"), Effect.sync(restore))
      assert.strictEqual(journal?.droppedPacketCount, 0)
    })
  )

  it.live("are dropped, and the newest arrive", () =>
    Effect.gen(function* () {
      const { link, local, relay, script } = yield* begin({ ageMillisMax: 200 })
      const { c, d, file } = yield* script.recording()
      const stream = yield* c.addStream()
      for (let seq = 0; seq < agedCount; seq++) {
        yield* d.packet(stream, seq, packetBytes)
        yield* c.index(stream, { seq, packetSeq: seq, bytes: packetBytes })
      }
      const [journal] = [...local.edge.spool.journals.values()]
      yield* until("all but the newest segment to be thinned", () => (journal?.droppedPacketCount ?? 0) > agedCount / 2)
      link.isDown = false
      yield* c.closeStream(stream, agedCount - 1)
      yield* c.close
      yield* d.close
      yield* local.forwarded
      yield* Local.quiet(relay)
      assert.strictEqual(
        relay.output.size(file("ch_0")),
        (agedCount - (journal?.droppedPacketCount ?? 0)) * packetBytes
      )
    })
  )
})

describe("policies by sessions", () => {
  const policyOf = Overflow.policyOf(Overflow.parse("drop:*/debug*, stop:web?/x:y, hold:audit/*, drop"))
  for (const [name, policy] of [
    ["web1/debug-2", "drop"],
    ["web1/x:y", "stop"],
    ["audit/all", "hold"],
    ["web11/x:y", "drop"]
  ] as const) {
    it(`${name}: ${policy}`, () => assert.strictEqual(policyOf(name), policy))
  }

  it("hold where none fits", () => assert.strictEqual(Overflow.policyOf(Overflow.parse("stop:a/b"))("c/d"), "hold"))
  for (const text of ["", "lose", "drop:a,", "hold,:x"]) {
    it(`'${text}' is refused`, () => assert.throws(() => Overflow.parse(text)))
  }
})
