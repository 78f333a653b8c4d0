/**
 * However a peer cuts its bytes into records, and those into segments, and whatever it says between them: what arrives
 * is what arrives over TCP. An end is one wherever it comes, with a word or without, and no more than that.
 */
import type * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Certificates from "../support/certificates.ts"
import { Random } from "../support/Random.ts"
import * as Records from "../support/records.ts"

const { addStream, createSession, join, message, numbers, packetHeader, u32 } = Commands

/** How a client cuts and mixes what it says: made from a seed. */
const habits = {
  "a byte in each record": () => 1,
  "empty records between": (random: Random) => (random.chance(0.4) ? 0 : random.between(1, 900)),
  "full ones": () => 16_384,
  "any length": (random: Random) => (random.chance(0.5) ? random.between(1, 64) : random.between(1, 16_384))
} as const

const habitNames = Object.keys(habits) as ReadonlyArray<keyof typeof habits>

interface Said {
  readonly bytes: Buffer
  readonly cut: (random: Random) => number
  readonly random: Random
}

/** OpenSSL ends a connection for 32 of them in a row. */
const emptyMax = 20

const recordsOf = (records: Records.Records, { bytes, cut, random }: Said): ReadonlyArray<Buffer> => {
  const made: Array<Buffer> = []
  let emptyCount = 0
  for (let at = 0; at < bytes.length; ) {
    if (random.chance(0.02)) made.push(records.keyUpdate(random.chance(0.5)))
    const length = emptyCount === emptyMax ? 1 : cut(random)
    emptyCount = length === 0 ? emptyCount + 1 : 0
    const padding = length < 16_000 && random.chance(0.1) ? random.below(300) : 0
    made.push(records.data(bytes.subarray(at, at + length), padding))
    at += length
  }
  return made
}

/** In segments of any size, of which each is read by itself if the other side is quick. */
const write = (wire: net.Socket, bytes: Buffer, segmentBytes: () => number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    let at = 0
    const next = () => {
      if (at >= bytes.length || wire.destroyed) return resume(Effect.void)
      const from = at
      at += segmentBytes()
      wire.write(bytes.subarray(from, at), () => setImmediate(next))
    }
    next()
  })

const packet = (seq: number, byteCount: number): Buffer =>
  Buffer.from(Array.from({ length: byteCount }, (_, at) => (at * 7 + seq * 13) & 255))

const stream = (relay: TestRelay.TestRelay, host: string) =>
  Effect.gen(function* () {
    const control = yield* relay.wire("control")
    yield* control.send(
      join(
        message(numbers.VERSION, join(u32(2), u32(10))),
        message(numbers.CREATE_SESSION, createSession(10, { name: "s", host })),
        message(numbers.ADD_STREAM, addStream(10, { path: `${host}/s` }))
      )
    )
    return (yield* control.read(8 + 12 + 12)).readBigUInt64BE(20)
  })

const packetsOf = (handle: bigint, sizes: ReadonlyArray<number>): Buffer =>
  join(...sizes.flatMap((size, seq) => [packetHeader(handle, seq, size, 0), packet(seq, size)]))

const countOf = (counts: ReadonlyArray<{ readonly count: number }>) => counts.reduce((sum, { count }) => sum + count, 0)

const start = Effect.gen(function* () {
  const authority = yield* Certificates.authority
  const { cert, key } = yield* authority.issue({ name: "relay", alternatives: "DNS:localhost", use: "serverAuth" })
  const tls = { control: "allow", data: "allow", live: "allow", certificate: cert, key } as const
  const relay = yield* TestRelay.make({ tls })
  const connect = (port: number) => Records.connect(port, { servername: "localhost", ca: authority.ca })
  return { connect, relay }
})

const ends = {
  "with a word": ({ records, wire }: Records.Client) => void wire.end(records.closeNotify()),
  "with a word, and more behind it": ({ records, wire }: Records.Client) =>
    void wire.end(join(records.closeNotify(), records.data(Buffer.alloc(2000)))),
  "without one": ({ wire }: Records.Client) => void wire.end(),
  "inside a record": ({ records, wire }: Records.Client) =>
    void wire.end(records.data(Buffer.alloc(100)).subarray(0, 50))
} as const

export const describeRecords = (how: string, some: ReadonlyArray<keyof typeof habits> = habitNames) =>
  describe(`records, ${how}`, () => {
    it.live("behind which the client says no more are answered all the same", () =>
      Effect.gen(function* () {
        const { connect, relay } = yield* start
        const { records, socket, wire } = yield* connect(relay.controlPort)
        const count = 300
        const said = [
          message(numbers.VERSION, join(u32(2), u32(10))),
          message(numbers.CREATE_SESSION, createSession(10, { name: "s", host: "h" })),
          ...Array.from({ length: count }, (_, number) =>
            message(numbers.ADD_STREAM, addStream(10, { path: "h/s", channel: `c${number}` }))
          )
        ]
        const answer = Effect.callback<Buffer>((resume) => {
          const parts: Array<Buffer> = []
          socket.on("data", (part: Buffer) => parts.push(part))
          socket.on("end", () => resume(Effect.succeed(join(...parts))))
        })
        wire.write(join(...said.map((command) => records.data(command)), records.closeNotify()))
        assert.strictEqual((yield* answer).length, 8 + 12 + 12 * count)
      })
    )

    it.live("that are empty, one behind the other without an end, end their connection alone", () =>
      Effect.gen(function* () {
        const { connect, relay } = yield* start
        const { records, socket, wire } = yield* connect(relay.controlPort)
        socket.on("error", () => undefined).resume()
        wire.write(join(...Array.from({ length: 1000 }, () => records.data(Buffer.alloc(0)))))
        yield* until("it to be gone", () => socket.readableEnded || socket.destroyed)
        yield* stream(relay, "other")
        assert.lengthOf(yield* relay.relay.connections, 1)
      })
    )

    for (const habit of some) {
      const cut: (random: Random) => number = habits[habit]
      it.live(`${habit}: recorded is what arrives over TCP, and an end inside a packet is one`, () =>
        Effect.gen(function* () {
          const { connect, relay } = yield* start
          const sizes = habit === "a byte in each record" ? [700, 1, 300] : [4096, 1, 300_000, 20_000]
          for (const [index, [, end]] of Object.entries(ends).entries()) {
            const random = new Random(index + 1)
            // What is missing at its end: nothing, a part of a packet, or of its header.
            const missing = [0, 1, sizes.at(-1) as number, (sizes.at(-1) as number) + 5][index] as number
            const [ours, plain] = [yield* stream(relay, `tls${index}`), yield* stream(relay, `tcp${index}`)]
            const over = yield* relay.wire("data")
            yield* over.send(packetsOf(plain, sizes).subarray(0, -missing || undefined))
            yield* over.close
            const client = yield* connect(relay.dataPort)
            const bytes = packetsOf(ours, sizes).subarray(0, -missing || undefined)
            const said = join(...recordsOf(client.records, { bytes, cut, random }))
            const segmentBytes = habit === "a byte in each record" ? () => 1 : () => random.between(1, 20_000)
            yield* write(client.wire, said.subarray(0, 30_000), segmentBytes)
            yield* write(client.wire, said.subarray(30_000), () => 30_000)
            end(client)
            yield* until(
              "both to be gone",
              relay.relay.activity,
              ({ connectionEnds }) => countOf(connectionEnds) === 2 * (index + 1)
            )
            const [found, wanted] = [`tls${index}`, `tcp${index}`].map((host) =>
              relay.memory.read(`/traces/${host}/s/ch_0`)
            )
            assert.isAbove(wanted?.length ?? 0, 0)
            assert.isTrue(found?.equals(wanted as Buffer), `${habit}, ${index}: ${found?.length} of ${wanted?.length}`)
          }
        })
      )
    }
  })
