/**
 * Clients against relays that break the protocol: they give up with a reason, without hanging and without allocating
 * what a relay merely announces.
 */
import { createServer, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import * as Target from "../../src/target/Target.ts"
import * as LiveViewer from "../../src/viewer/LiveViewer.ts"
import { listening } from "../support/listening.ts"

const numberOf = (size: number, value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(size)
  if (size === 8) bytes.writeBigUInt64BE(BigInt(value))
  else bytes.writeUInt32BE(Number(value))
  return bytes
}
const u32 = (...values: ReadonlyArray<number>) => Buffer.concat(values.map((value) => numberOf(4, value)))
const u64 = (...values: ReadonlyArray<number | bigint>) => Buffer.concat(values.map((value) => numberOf(8, value)))

/** Answers requests in the order they come, by what `script` says; `undefined` closes. */
const relayOf = (
  headerBytes: number,
  sizeAt: number,
  script: (command: number, payload: Buffer) => Buffer | undefined,
  delaysMillis: Readonly<Record<number, number>> = {}
) =>
  listening(
    createServer((socket) => {
      let received = Buffer.alloc(0)
      socket.on("data", (chunk) => {
        received = Buffer.concat([received, chunk as Buffer])
        while (received.length >= headerBytes) {
          const size = Number(received.readBigUInt64BE(sizeAt))
          if (received.length < headerBytes + size) return
          const payload = received.subarray(headerBytes, headerBytes + size)
          const command = received.readUInt32BE(sizeAt + 8)
          const answer = script(command, payload)
          received = received.subarray(headerBytes + size)
          if (answer === undefined) return socket.destroy()
          if (answer.length > 0) setTimeout(() => socket.write(answer), delaysMillis[command] ?? 0)
        }
      })
    })
  )

const none = Buffer.alloc(0)
const entry = (id: number, isMetadata: boolean) => {
  const bytes = Buffer.alloc(4371)
  bytes.writeBigUInt64BE(BigInt(id), 0)
  bytes.writeBigUInt64BE(1n, 8)
  bytes.writeUInt32BE(isMetadata ? 1 : 0, 16)
  bytes.write("ust/uid/0/64-bit", 20)
  bytes.write(isMetadata ? "metadata" : "ch_0", 4116)
  return bytes
}

/** The replies of a relay of minor 13 with one live session of one data stream; `over` replaces some. */
const liveRelay = (
  over: Readonly<Record<number, (payload: Buffer, count: number) => Buffer | undefined>>,
  delaysMillis: Readonly<Record<number, number>> = {}
) => {
  const counts = new Map<number, number>()
  const ordinary: Readonly<Record<number, Buffer>> = {
    1: Buffer.concat([u64(1), u32(2, 13, 0)]),
    2: Buffer.concat([u32(1), u64(7), u32(100_000, 0, 2), Buffer.from("h".padEnd(64, "\0") + "s".padEnd(255, "\0"))]),
    3: Buffer.concat([u32(1, 2), entry(1, true), entry(2, false)]),
    4: Buffer.concat([u64(0, 0, 0, 0, 0, 0, 0), u32(3, 0)]),
    6: Buffer.concat([u64(0), u32(3)]),
    7: u32(4, 0),
    8: u32(1),
    9: u32(1)
  }
  return relayOf(
    16,
    0,
    (command, payload) => {
      const count = (counts.get(command) ?? 0) + 1
      counts.set(command, count)
      const answer = over[command]
      return answer === undefined ? ordinary[command] : answer(payload, count)
    },
    delaysMillis
  )
}

const watchAll = (port: number) =>
  Effect.gen(function* () {
    const viewer = yield* LiveViewer.connect({ host: "127.0.0.1", port })
    const { events } = yield* viewer.attachAll({ hostname: "h", sessionName: "s" }, { seek: "beginning" })
    return yield* Stream.runCollect(events)
  })

const tags = (events: ReadonlyArray<LiveViewer.ViewerEvent>) => events.map(({ _tag }) => _tag)
const index = (status: number) => Buffer.concat([u64(0, 800, 800, 10, 20, 0, 0), u32(status, 0)])
/** Each name is one that a session may have. */
const manyNames: Parameters<typeof liveRelay>[0] = {
  1: () => Buffer.concat([u64(1), u32(2, 15, 0)]),
  2: () => {
    const one = Buffer.concat([u64(7), u32(1000, 0, 2, 65_536, 65_536, 0), Buffer.alloc(131_072, "n")])
    return Buffer.concat([u32(600), ...Array.from({ length: 600 }, () => one)])
  }
}
const whole = ["StreamAdded", "StreamAdded", "StreamEnded", "StreamEnded", "SessionEnded"]

describe("a viewer", () => {
  it.live("reads a session of the scripted relay to its end", () =>
    Effect.gen(function* () {
      const port = yield* liveRelay({})
      assert.deepStrictEqual(tags(yield* watchAll(port)), whole)
    })
  )

  it.live.each<readonly [string, Parameters<typeof liveRelay>[0], RegExp]>([
    ["another major", { 1: () => Buffer.concat([u64(1), u32(3, 0, 0)]) }, /CONNECT: major 3/],
    ["four billion sessions", { 2: () => u32(0xffff_ffff) }, /LIST_SESSIONS: announces \d+ bytes/],
    ["gigabytes of session names", manyNames, /LIST_SESSIONS: has names of more than 67108864 bytes/],
    ["four billion streams", { 3: () => u32(1, 0xffff_ffff) }, /ATTACH_SESSION: announces \d+ bytes/],
    ["exabytes of metadata", { 6: () => Buffer.concat([u64(2n ** 60n), u32(1)]) }, /GET_METADATA: announces \d+ bytes/],
    [
      "more packet than asked for",
      { 4: () => index(1), 5: () => u32(1, 0xffff_ffff, 0) },
      /GET_PACKET: announces \d+ bytes/
    ],
    ["a stream name without an end", { 3: () => Buffer.concat([u32(1, 1), Buffer.alloc(4371, 65)]) }, /ATTACH_SESSION/],
    ["the end of the connection", { 4: () => undefined }, /connection to 127\.0\.0\.1:\d+ lost/]
  ])("gives up on %s", ([, over, message]) =>
    Effect.gen(function* () {
      const port = yield* liveRelay(over)
      assert.match((yield* Effect.flip(watchAll(port))).message, message)
    })
  )

  it.live("asks again where metadata is announced but empty, or never comes", () =>
    Effect.gen(function* () {
      const text = Buffer.from("/* CTF 1.8 */")
      const answers = [
        Buffer.concat([u64(0), u32(1)]),
        // As relays do that cannot read what they announced.
        Buffer.concat([u64(text.length), u32(1)]),
        Buffer.concat([u64(text.length), u32(1), text])
      ]
      const port = yield* liveRelay({
        4: (_, count) => index(count < 3 ? 2 : 3),
        6: (_, count) => answers[count - 1] ?? Buffer.concat([u64(0), u32(3)])
      })
      const metadata = (yield* watchAll(port)).filter((event) => event._tag === "Metadata")
      assert.deepStrictEqual(
        metadata.map((event) => event._tag === "Metadata" && Buffer.from(event.bytes).toString()),
        ["/* CTF 1.8 */"]
      )
    })
  )

  it.live("asks about all streams at once where the relay is far away", () =>
    Effect.gen(function* () {
      const port = yield* liveRelay(
        {
          3: () => Buffer.concat([u32(1, 3), entry(1, true), entry(2, false), entry(3, false)]),
          // Both answers follow the second question: a client that waits for the first would wait for ever.
          4: (_, count) => (count < 2 ? none : Buffer.concat([index(3), index(3)]))
        },
        { 1: 60 }
      )
      const ended = (yield* watchAll(port)).filter(({ _tag }) => _tag === "StreamEnded")
      assert.strictEqual(ended.length, 3)
    })
  )

  it.live("accepts packets in smaller pieces than asked for, and counts a packet that is gone as lost", () =>
    Effect.gen(function* () {
      const port = yield* liveRelay({
        4: (_, count) => index(count < 3 ? 1 : 3),
        5: (payload, count) => {
          if (count > 10) return u32(3, 0, 0)
          assert.strictEqual(payload.readUInt32BE(16), 100 - 10 * (count - 1))
          return Buffer.concat([u32(1, 10, 0), Buffer.alloc(10, count)])
        }
      })
      const events = yield* watchAll(port)
      assert.deepStrictEqual(tags(events), [...whole.slice(0, 3), "Packet", "PacketLost", ...whole.slice(3)])
      const [packet] = events.filter((event) => event._tag === "Packet")
      const expected = Buffer.concat(Array.from({ length: 10 }, (_, piece) => Buffer.alloc(10, piece + 1)))
      assert.isTrue(packet?._tag === "Packet" && expected.equals(packet.bytes))
    })
  )

  it.live("fetches metadata first where a relay asks for that in place of the packet", () =>
    Effect.gen(function* () {
      const text = Buffer.from("/* more */")
      let isRead = false
      const port = yield* liveRelay({
        4: (_, count) => index(count < 2 ? 1 : 3),
        5: () => (isRead ? Buffer.concat([u32(1, 100, 0), Buffer.alloc(100)]) : u32(3, 0, 1)),
        6: (_, count) => {
          if (count === 1 || isRead) return Buffer.concat([u64(0), u32(2)])
          isRead = true
          return Buffer.concat([u64(text.length), u32(1), text])
        }
      })
      assert.deepStrictEqual(tags(yield* watchAll(port)), [
        ...whole.slice(0, 2),
        "Metadata",
        "Packet",
        ...whole.slice(2)
      ])
    })
  )
})

describe("a target", () => {
  const controlRelay = (over: Readonly<Record<number, Buffer | undefined>>) =>
    relayOf(24, 8, (command) => {
      if (command in over) return over[command]
      if (command === 5) return u32(2, 13)
      if (command === 22) return Buffer.concat([u32(10), u64(1)])
      if (command === 2) return Buffer.concat([u64(1), u32(10, 2), Buffer.from("p\0")])
      if (command === 1) return Buffer.concat([u64(1), u32(10)])
      return u32(10)
    })
  const open = (controlPort: number, dataPort: number) =>
    Effect.gen(function* () {
      const target = yield* Target.make({ url: `net://127.0.0.1:${controlPort}:${dataPort}` })
      return yield* target.session({ name: "s" })
    })

  it.live.each<readonly [string, Readonly<Record<number, Buffer | undefined>>, RegExp]>([
    ["another major", { 5: u32(3, 0) }, /VERSION: major 3/],
    ["an endless output path", { 2: Buffer.concat([u64(1), u32(10, 0xffff_ffff)]) }, /CREATE_SESSION: announces/],
    ["a refused session", { 2: Buffer.concat([u64(0), u32(25, 0)]) }, /the relay refused CREATE_SESSION: FATAL/],
    [
      "who tells no version",
      { 5: undefined },
      /lost: .*; is this a relay's control port, one that needs no TLS, and has it room for a connection\?$/
    ],
    ["the end of the connection", { 19: undefined }, /connection to 127\.0\.0\.1:\d+ lost: [^;]+$/]
  ])("gives up on %s", ([, over, message]) =>
    Effect.gen(function* () {
      const control = yield* controlRelay(over)
      const data = yield* relayOf(32, 0, () => none)
      assert.match((yield* Effect.flip(open(control, data))).message, message)
    })
  )

  it.live("a refused index fails the session at a later call", () =>
    Effect.gen(function* () {
      const control = yield* controlRelay({ 13: u32(11) })
      const data = yield* relayOf(32, 0, () => none)
      const session = yield* open(control, data)
      const stream = yield* session.stream({ path: "ust", channel: "ch_0" })
      yield* stream.packet({ bytes: Buffer.alloc(8), timestampBegin: 0n, timestampEnd: 1n })
      assert.strictEqual(
        (yield* Effect.flip(session.isPending)).message,
        "the relay refused SEND_INDEX: UNKNOWN (its log says why)"
      )
    })
  )

  it.live("a refusal is told to the next call where the one that waited for it was interrupted", () =>
    Effect.gen(function* () {
      // The index is answered when streams are published.
      const control = yield* controlRelay({ 13: none, 16: u32(11, 10) })
      const data = yield* relayOf(32, 0, () => none)
      const session = yield* open(control, data)
      const stream = yield* session.stream({ path: "ust", channel: "ch_0" })
      yield* stream.packet({ bytes: Buffer.alloc(8), timestampBegin: 0n, timestampEnd: 1n })
      yield* Fiber.interrupt(yield* Effect.forkChild(session.isPending, { startImmediately: true }))
      yield* session.publish
      assert.strictEqual(
        (yield* Effect.flip(session.isPending)).message,
        "the relay refused SEND_INDEX: UNKNOWN (its log says why)"
      )
    })
  )

  it.live("a relay that does not read holds the caller back", () =>
    Effect.gen(function* () {
      const control = yield* controlRelay({})
      const held: Array<Socket> = []
      const data = yield* listening(createServer({ pauseOnConnect: true }, (socket) => held.push(socket)))
      const session = yield* open(control, data)
      const stream = yield* session.stream({ path: "ust", channel: "ch_0" })
      const bytes = Buffer.alloc(1024 * 1024)
      let sent = 0
      const flood = Effect.gen(function* () {
        while (true) {
          yield* stream.packet({ bytes, timestampBegin: 0n, timestampEnd: 1n })
          sent++
        }
      })
      yield* Effect.timeoutOption(flood, "2 seconds")
      // What the kernel's buffers of both ends take, far below what two seconds of loopback could carry.
      assert.isBelow(sent, 64)
      // The session writes what it has before it ends.
      for (const socket of held) socket.destroy()
    })
  )
})
