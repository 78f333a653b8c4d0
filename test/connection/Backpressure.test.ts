/**
 * Every queue between a peer and the disk: its bound, what pushes back when it is full, and that all goes on in order
 * afterwards. Disks stall; memory does not grow; nothing is lost.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { payloadBytesMaxOf } from "../../src/connection/control/Payloads.ts"
import { turnBytes } from "../../src/connection/Turn.ts"
import { blockBytes, connectionBytesMax } from "../../src/memory/Blocks.ts"
import { controlHalfBytes, dataHalfBytes } from "../../src/model/InFlight.ts"
import * as Commands from "../sidebyside/commands.ts"
import { output } from "../storage/stores.ts"
import { until } from "../support/turns.ts"
import {
  assertNothingLeft,
  type Control,
  media,
  type Options,
  type PeerDouble,
  packet,
  type Relay,
  withRelay
} from "./doubles.ts"

const { join, noSeq, u64 } = Commands
const mebibyte = 1024 * 1024
/** What one read can add after the share was spent: the landing memory, and a block that it only begins. */
const readBytes = 512 * 1024 + 2 * blockBytes

interface Recording {
  readonly c: Control
  readonly d: PeerDouble
  readonly path: string
  readonly stream: bigint
}

const record = (relay: Relay, name: string, sessionId: number): Effect.Effect<Recording, never, Scope.Scope> =>
  Effect.gen(function* () {
    const c = yield* relay.control
    const d = yield* relay.data
    const { path } = yield* c.session({ name, sessionId })
    return { c, d, path, stream: yield* c.addStream() }
  })

const claim = (what: string, options: Options, body: (relay: Relay) => Effect.Effect<void, never, Scope.Scope>) =>
  it.live.each(media)(`${what}; files %s`, ([, medium]) => withRelay({ ...options, ...medium }, body))

const end = (relay: Relay, ...recordings: ReadonlyArray<Recording>) =>
  Effect.gen(function* () {
    for (const { c, d } of recordings) {
      c.peer.finish()
      d.finish()
    }
    yield* assertNothingLeft(relay)
  })

const sizeOf = (relay: Relay, { path }: Recording, name = "ch_0") =>
  relay.memory.read(`${output}/${path}/ust/uid/0/64-bit/${name}`)?.length ?? 0

describe("a data connection", () => {
  claim("is not read while its share is spent on a stalled disk, and loses nothing", {}, (relay) =>
    Effect.gen(function* () {
      const stalled = yield* record(relay, "stalled", 1)
      const release = relay.faults.stall("stalled")
      const count = 40
      for (let seq = 0; seq < count; seq++) stalled.d.deliver(packet(stalled.stream, seq, mebibyte))
      assert.isAtMost(relay.registry.pool.usedBytes, connectionBytesMax + readBytes)
      assert.isAbove(stalled.d.unreadBytes, 30 * mebibyte)
      yield* release
      yield* until("all to be written", () => sizeOf(relay, stalled) === count * mebibyte)
      const written = relay.memory.read(`${output}/${stalled.path}/ust/uid/0/64-bit/ch_0`)
      for (let seq = 0; seq < count; seq++) assert.strictEqual(written?.[seq * mebibyte + 77], seq + 1)
      yield* end(relay, stalled)
    })
  )

  claim("a packet of 64 MiB passes without being held", {}, (relay) =>
    Effect.gen(function* () {
      const one = yield* record(relay, "one", 1)
      const size = 64 * mebibyte
      one.d.deliver(Commands.packetHeader(one.stream, 0, size, 0))
      let most = 0
      for (let sent = 0; sent < size; sent += mebibyte) {
        one.d.deliver(Buffer.alloc(mebibyte, 7))
        most = Math.max(most, relay.registry.pool.usedBytes)
        yield* until("it to be read", () => one.d.unreadBytes < 4 * mebibyte)
      }
      yield* until("all to be written", () => sizeOf(relay, one) === size)
      assert.isAtMost(most, connectionBytesMax + readBytes)
      yield* end(relay, one)
    })
  )

  claim(
    "many together stay within the budget; a fast one beside stalled ones still records",
    {
      memoryBytesMax: 16 * mebibyte,
      deviceOperationCountMax: 64
    },
    (relay) =>
      Effect.gen(function* () {
        const stalled = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], (id) => record(relay, `stalled${id}`, id))
        const fast = yield* record(relay, "fast", 99)
        const release = relay.faults.stall("stalled")
        for (const each of stalled) for (let seq = 0; seq < 8; seq++) each.d.deliver(packet(each.stream, seq, mebibyte))
        assert.isAtMost(relay.registry.pool.usedBytes, 16 * mebibyte + 8 * readBytes)
        for (let seq = 0; seq < 20; seq++) {
          fast.d.deliver(packet(fast.stream, seq, 100_000))
          assert.strictEqual(yield* fast.c.index(fast.stream, { seq, bytes: 100_000 }), 10)
        }
        yield* until("the fast one to be written", () => sizeOf(relay, fast) === 2_000_000)
        for (const each of stalled) assert.isAtMost(sizeOf(relay, each), 0)
        yield* release
        for (const each of stalled) yield* until("all to be written", () => sizeOf(relay, each) === 8 * mebibyte)
        yield* end(relay, fast, ...stalled)
      })
  )

  claim("packets that are nothing but padding push back too", {}, (relay) =>
    Effect.gen(function* () {
      const one = yield* record(relay, "one", 1)
      const release = relay.faults.stall("one")
      const headers = Array.from({ length: 1000 }, (_, seq) => Commands.packetHeader(one.stream, seq, 0, 100_000))
      one.d.readBytesMax = 3200
      one.d.deliver(join(...headers))
      assert.isAbove(one.d.unreadBytes, 0)
      assert.isAtMost(relay.registry.pool.usedBytes, connectionBytesMax + 100 * 2 * blockBytes)
      yield* release
      yield* until("all to be written", () => sizeOf(relay, one) === 100_000_000)
      yield* end(relay, one)
    })
  )

  claim("a tracefile ring that turns with every packet pushes back too", {}, (relay) =>
    Effect.gen(function* () {
      const one = yield* record(relay, "one", 1)
      const ring = yield* one.c.addStream({ channel: "ring", fileSize: 10, fileCount: 3 })
      const release = relay.faults.stall("ring")
      one.d.readBytesMax = 4200
      one.d.deliver(join(...Array.from({ length: 3001 }, (_, seq) => packet(ring, seq, 10))))
      assert.isAbove(one.d.unreadBytes, 0)
      yield* release
      yield* until("all to be read", () => one.d.unreadBytes === 0)
      assert.strictEqual(yield* one.c.index(ring, { seq: 3000, bytes: 10 }), 10)
      let answer = 1
      while (answer === 1) answer = yield* one.c.isPending(ring, 3000)
      assert.strictEqual(sizeOf(relay, one, "index/ring_0.idx"), 16 + 72)
      yield* end(relay, one)
    })
  )
})

describe("a control connection", () => {
  claim("metadata is not read while its share is spent", {}, (relay) =>
    Effect.gen(function* () {
      const one = yield* record(relay, "one", 1)
      const metadata = yield* one.c.addStream({ channel: "metadata" })
      const release = relay.faults.stall("metadata")
      for (let count = 0; count < 20; count++) one.c.metadata(metadata, Buffer.alloc(mebibyte, 65))
      assert.isAtMost(relay.registry.pool.usedBytes, connectionBytesMax + readBytes)
      assert.isAbove(one.c.peer.unreadBytes, 10 * mebibyte)
      yield* release
      yield* until("all to be written", () => sizeOf(relay, one, "metadata") === 20 * mebibyte)
      yield* end(relay, one)
    })
  )

  claim("pipelined indexes are not read while their records wait for the disk", {}, (relay) =>
    Effect.gen(function* () {
      const one = yield* record(relay, "one", 1)
      const count = 60_000
      one.d.deliver(
        join(
          ...Array.from({ length: count }, (_, seq) => Commands.packetHeader(one.stream, seq, 1, 0)).flatMap((h) => [
            h,
            Buffer.of(1)
          ])
        )
      )
      yield* until("data to be read", () => one.d.unreadBytes === 0)
      const release = relay.faults.stall("index")
      const index = (seq: number) =>
        Commands.message(Commands.numbers.SEND_INDEX, Commands.sendIndex(13, one.stream, { seq, bytes: 1 }))
      one.c.peer.readBytesMax = 64 * 1024
      one.c.peer.deliver(join(...Array.from({ length: count }, (_, seq) => index(seq))))
      assert.isAbove(one.c.peer.unreadBytes, 0, "4.1 MiB of records do not fit")
      assert.isAtMost(relay.registry.pool.usedBytes, connectionBytesMax + readBytes)
      yield* release
      yield* until("all to be answered", () => one.c.peer.received.length === count * 4)
      yield* until("all to be written", () => sizeOf(relay, one, "index/ch_0.idx") === 16 + count * 72)
      yield* end(relay, one)
    })
  )

  for (const [name, number, payload, replyBytes] of [
    ["answered at once", "START_DATA", Commands.none, 4],
    ["that wait", "TRACE_CHUNK_EXISTS", u64(0), 5],
    ["with an index", "SEND_INDEX", undefined, 4]
  ] as const) {
    claim(`a peer that does not read its replies is not read: commands ${name}`, {}, (relay) =>
      Effect.gen(function* () {
        const { c, d, path, stream } = yield* record(relay, "one", 1)
        c.peer.isDeaf = true
        c.peer.readBytesMax = 1000
        const beacon = Commands.sendIndex(13, stream, { seq: 0, bytes: 0 })
        const message = Commands.message(Commands.numbers[number], payload ?? beacon)
        c.peer.deliver(join(...Array.from({ length: 1000 }, () => message)))
        yield* until("the first replies", () => c.peer.received.length > 0)
        // A read's worth of commands is carried out at most, however long one waits.
        for (let turn = 0; turn < 50; turn++) yield* Effect.yieldNow
        assert.isAtMost(c.peer.received.length, (1000 / message.length + 1) * replyBytes)
        assert.isAbove(c.peer.unreadBytes, message.length * 900)
        c.peer.hear()
        yield* until("all replies", () => c.peer.received.length === 1000 * replyBytes)
        yield* end(relay, { c, d, path, stream })
      })
    )
  }

  claim("a peer that says much at once is read in turns, with others in between", {}, (relay) =>
    Effect.gen(function* () {
      const c = yield* relay.control
      const ask = Commands.message(Commands.numbers.GET_CONFIGURATION, u64(0))
      const count = (4 * turnBytes) / ask.length
      const before = c.peer.received.length
      c.peer.deliver(join(...Array.from({ length: count }, () => ask)))
      assert.strictEqual(c.peer.unreadBytes, 3 * turnBytes)
      yield* c.peer.has(before + count * 12)
      assert.strictEqual(c.peer.unreadBytes, 0)
      c.peer.finish()
      yield* end(relay)
    })
  )

  claim("one that says it in many short pieces, too", {}, (relay) =>
    Effect.gen(function* () {
      const c = yield* relay.control
      const ask = Commands.message(Commands.numbers.GET_CONFIGURATION, u64(0))
      const pieceCount = (4 * turnBytes) / (32 * ask.length)
      const before = c.peer.received.length
      for (let piece = 0; piece < pieceCount; piece++) c.peer.deliver(join(...Array.from({ length: 32 }, () => ask)))
      assert.isAbove(c.peer.unreadBytes, 2 * turnBytes)
      yield* c.peer.has(before + pieceCount * 32 * 12)
      assert.strictEqual(c.peer.unreadBytes, 0)
      c.peer.finish()
      yield* end(relay)
    })
  )

  claim("a payload is gathered only as far as its command can use it", {}, (relay) =>
    Effect.gen(function* () {
      const { c, d, path, stream } = yield* record(relay, "one", 1)
      const large = 64 * mebibyte
      c.peer.deliver(Commands.header(Commands.numbers.QUIESCENT_CONTROL, large))
      const part = Buffer.alloc(mebibyte)
      for (let sent = 0; sent < large; sent += part.length) c.peer.deliver(part)
      for (let number = 0; number < 30; number++) assert.isAtMost(payloadBytesMaxOf(number, 1), mebibyte / 32)
      assert.strictEqual((yield* c.take(4)).readUInt32BE(0), 10)
      yield* end(relay, { c, d, path, stream })
    })
  )
})

describe("halves of indexes", () => {
  /** Half of what there is: nobody else has any. */
  const shareBytes = 32 * mebibyte
  const readAtOnce = 64 * 1024
  const batch = 1000
  const packets = (stream: bigint, from: number) =>
    join(...Array.from({ length: batch }, (_, at) => packet(stream, from + at, 1)))

  const records = ({ c, d, stream }: Recording) =>
    Effect.gen(function* () {
      d.deliver(packet(stream, 0))
      assert.strictEqual(yield* c.index(stream, { seq: 0 }), 10)
    })

  claim("indexes are not read beyond their connection's share, until their packets come", {}, (relay) =>
    Effect.gen(function* () {
      const { halves } = relay.registry
      const one = yield* record(relay, "one", 1)
      const other = yield* record(relay, "other", 2)
      const count = 60 * batch
      const index = (seq: number) =>
        Commands.message(Commands.numbers.SEND_INDEX, Commands.sendIndex(13, one.stream, { seq, bytes: 1 }))
      one.d.deliver(packets(one.stream, 0))
      one.c.peer.readBytesMax = readAtOnce
      one.c.peer.deliver(join(...Array.from({ length: count }, (_, seq) => index(seq))))
      // The first answer waits for its file.
      yield* until("the share to be used", () => halves.usedBytes >= shareBytes)
      assert.isAtMost(halves.usedBytes, shareBytes + (readAtOnce / index(0).length) * controlHalfBytes)
      assert.isAbove(one.c.peer.unreadBytes, batch * index(0).length)
      yield* records(other)
      for (let seq = batch; seq < count; seq += batch) {
        one.d.deliver(packets(one.stream, seq))
        yield* until("the packets to be read", () => one.d.unreadBytes === 0)
      }
      yield* until("all to be answered", () => one.c.peer.received.length === count * 4)
      yield* until("all to be written", () => sizeOf(relay, one, "index/ch_0.idx") === 16 + count * 72)
      assert.strictEqual(halves.usedBytes, 0)
      yield* end(relay, one, other)
    })
  )

  for (const hasPackets of [false, true]) {
    const when = hasPackets ? "the connection that brought packets is gone" : "no packet ever came"
    claim(`indexes beyond the share end their connection when ${when}`, {}, (relay) =>
      Effect.gen(function* () {
        const one = yield* record(relay, "one", 1)
        const other = yield* record(relay, "other", 2)
        const index = (seq: number) =>
          Commands.message(Commands.numbers.SEND_INDEX, Commands.sendIndex(13, one.stream, { seq, bytes: 1 }))
        if (hasPackets) one.d.deliver(packets(one.stream, 0))
        one.c.peer.readBytesMax = readAtOnce
        one.c.peer.deliver(join(...Array.from({ length: 60 * batch }, (_, seq) => index(seq))))
        if (hasPackets) {
          yield* until("the share to be used", () => relay.registry.halves.usedBytes >= shareBytes)
          assert.isFalse(one.c.peer.isClosed)
          one.d.finish()
        }
        yield* until("control to be closed", () => one.c.peer.isClosed)
        assert.isTrue(relay.log.some(({ text }) => text.includes("too many indexes without packets")))
        yield* records(other)
        yield* end(relay, one, other)
      })
    )
  }

  claim("packets beyond their connection's share end it, and nobody else", {}, (relay) =>
    Effect.gen(function* () {
      const { halves } = relay.registry
      const one = yield* record(relay, "one", 1)
      const other = yield* record(relay, "other", 2)
      let most = 0
      for (let seq = 0; seq * dataHalfBytes < 2 * shareBytes && !one.d.isClosed; seq += batch) {
        most = Math.max(most, halves.usedBytes)
        one.d.deliver(packets(one.stream, seq))
        yield* until("the packets to be read", () => one.d.unreadBytes === 0 || one.d.isClosed)
      }
      assert.isTrue(one.d.isClosed)
      assert.isAtMost(most, shareBytes)
      assert.isAbove(most, shareBytes - 2 * batch * dataHalfBytes)
      assert.isTrue(relay.log.some(({ text }) => text.includes("too many packets without index")))
      yield* records(other)
      yield* end(relay, one, other)
    })
  )
})

describe("a stalled disk", () => {
  claim("commands that need no disk are answered, DATA_PENDING says pending, and all ends well", {}, (relay) =>
    Effect.gen(function* () {
      const one = yield* record(relay, "one", 1)
      const release = relay.faults.stall("one")
      one.d.deliver(packet(one.stream, 0, 5000))
      assert.strictEqual(yield* one.c.index(one.stream, { seq: 0, bytes: 5000 }), 10)
      assert.strictEqual(yield* one.c.isPending(one.stream, 0), 1)
      assert.strictEqual(yield* one.c.code("START_DATA", Commands.none), 10)
      assert.strictEqual(yield* one.c.closeStream(one.stream, noSeq), 10)
      one.c.peer.finish()
      one.d.finish()
      yield* until("both to be gone", () => one.c.peer.isClosed && one.d.isClosed)
      assert.strictEqual(relay.registry.sessions.size, 1, "its files are not complete")
      yield* release
      yield* assertNothingLeft(relay)
      assert.strictEqual(sizeOf(relay, one, "index/ch_0.idx"), 16 + 72)
    })
  )

  claim("holds no more operations than the device's share", { deviceOperationCountMax: 4 }, (relay) =>
    Effect.gen(function* () {
      const one = yield* record(relay, "one", 1)
      const streams = [one.stream]
      for (let at = 1; at < 20; at++) streams.push(yield* one.c.addStream({ channel: `ch_${at}` }))
      const release = relay.faults.stall("ch_")
      for (const stream of streams) one.d.deliver(packet(stream, 0, 1000))
      yield* until("the share to be used", () => relay.faults.stalledCount === 4)
      for (let turn = 0; turn < 50; turn++) yield* Effect.yieldNow
      assert.strictEqual(relay.faults.stalledCount, 4)
      yield* release
      yield* end(relay, one)
      for (let at = 1; at < 20; at++) assert.strictEqual(sizeOf(relay, one, `ch_${at}`), 1000)
    })
  )
})
