/**
 * What a tracer says by a newer protocol than its relay's, as the relay is told it.
 * Goal: what is announced is what an old session daemon announces, and a metadata file has each word once.
 */
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { command } from "../../src/edge/forwarding/Greeting.ts"
import { messageHeadBytes } from "../../src/edge/forwarding/plain/MetadataText.ts"
import { Dialect, Translation } from "../../src/edge/forwarding/plain/Translation.ts"
import * as Commands from "../../src/protocol/control/index.ts"
import * as Header from "../../src/protocol/Header.ts"
import * as create from "./created.ts"

const dialectOf = (spoken: number, minor: number): Dialect => Object.assign(new Dialect(), { spoken, minor })

const said = (number: number, payload: Uint8Array): Buffer => Buffer.from(command(number, payload))

const payloadOf = <A>(
  layout: { readonly decode: (bytes: Uint8Array) => Result.Result<A, Error> },
  sent?: Uint8Array
) => (sent === undefined ? undefined : Result.getOrThrow(layout.decode(sent.subarray(Header.size))))

const session = { ...create.session, hostname: "h".repeat(70) }

class Conversation {
  readonly translation = new Translation()
  readonly dialect: Dialect

  constructor(spoken: number, minor: number) {
    this.dialect = dialectOf(spoken, minor)
  }

  say(number: number, payload: Uint8Array): Uint8Array | undefined {
    const bytes = said(number, payload)
    return this.translation.command(this.dialect, bytes, 0, bytes.length)
  }
}

const { AddStream, CloseTraceChunk, CreateSession, CreateTraceChunk, ResetMetadata, RotateStreams } = Commands
const { SendIndex, SendMetadata } = Commands

const stream = { channelName: "ch_0", pathname: "ust/uid/0/64-bit", tracefileSize: 0n, tracefileCount: 0n }

const created = (minor: number, more: object = {}) => {
  const conversation = new Conversation(13, minor)
  const request = CreateSession.request(13).encode({ ...session, ...more })
  return { conversation, sent: conversation.say(CreateSession.number, request) }
}

const pathnameFrom = ({ conversation }: ReturnType<typeof created>, minor: number) => {
  const announced = AddStream.request(13).encode({ ...stream, traceChunkId: 0n })
  return payloadOf(AddStream.request(minor), conversation.say(AddStream.number, announced))?.pathname
}

describe("a relay without trace chunks", () => {
  for (const minor of [4, 7, 8, 10]) {
    it(`of 2.${minor} is told names in its form, and of streams the whole path`, () => {
      const made = created(minor, { basePath: "base/path" })
      const { hostname, sessionName, liveTimer } = payloadOf(CreateSession.request(minor), made.sent) ?? session
      assert.deepStrictEqual([hostname, sessionName, liveTimer], ["h".repeat(63), "s", 1_000_000])
      assert.strictEqual(pathnameFrom(made, minor), `/${session.hostname}/base/path//ust/uid/0/64-bit`)
      assert.match(pathnameFrom(created(minor), minor) ?? "", /^\/h{70}\/s-20\d{6}-\d{6}\/\/ust\/uid\/0\/64-bit$/)
    })
  }

  it("has snapshots in directories of their names, whichever connection has made the chunk", () => {
    const made = created(10)
    const chunk = { chunkId: 7n, creationTimestamp: 0n, overrideName: "snapshot-1" }
    assert.isUndefined(made.conversation.say(CreateTraceChunk.number, CreateTraceChunk.request(13).encode(chunk)))
    assert.match(pathnameFrom(made, 10) ?? "", /\/s-[\d-]+\/snapshot-1\/ust\/uid\/0\/64-bit$/)
    const second = new Conversation(13, 10)
    const joined = { ...session, currentChunkId: 7n }
    const { dialect } = second
    const bytes = said(CreateSession.number, CreateSession.request(13).encode(joined))
    made.conversation.translation.command(dialect, bytes, 0, bytes.length)
    const announced = said(AddStream.number, AddStream.request(13).encode({ ...stream, traceChunkId: 0n }))
    const sent = made.conversation.translation.command(dialect, announced, 0, announced.length)
    assert.match(payloadOf(AddStream.request(10), sent)?.pathname ?? "", /\/snapshot-1\//)
  })

  it("gets indexes in the length it reads, and no command that it does not know", () => {
    for (const { name, number, since } of Commands.commands.values()) {
      const sent = new Conversation(15, 4).say(number, Buffer.alloc(200))
      assert.strictEqual(sent !== undefined, since <= 4, name)
    }
    const lengths = [4, 7, 8, 10].map((minor) => new Conversation(13, minor).say(SendIndex.number, Buffer.alloc(80)))
    assert.deepStrictEqual(
      lengths.map((sent) => sent?.length),
      [64, 64, 80, 80].map((size) => Header.size + size)
    )
  })

  it("of 2.11 keeps a chunk that would be cleared", () => {
    const close = (closeCommand: number | undefined) => ({ chunkId: 0n, closeTimestamp: 1n, closeCommand })
    const told = (minor: number, asked: number | undefined) => {
      const bytes = CloseTraceChunk.request(13).encode(close(asked))
      const sent = new Conversation(13, minor).say(CloseTraceChunk.number, bytes)
      return payloadOf(CloseTraceChunk.request(minor), sent)?.closeCommand
    }
    assert.deepStrictEqual(
      [0, 1, 2, undefined].map((asked) => told(11, asked)),
      [0, undefined, 0, undefined]
    )
    assert.deepStrictEqual(
      [0, 1, 2].map((asked) => told(12, asked)),
      [0, 1, 2]
    )
  })
})

const metadataOf = (text: string): Buffer => {
  const head = Buffer.alloc(12)
  head.writeBigUInt64BE(5n)
  return Buffer.concat([head, Buffer.from(text)])
}

const rotation = RotateStreams.request(13).encode({
  newChunkId: 1n,
  positions: [{ streamId: 5n, rotateAtSeqNum: 0n }]
})

describe("a relay with trace chunks", () => {
  for (const minor of [11, 12]) {
    it(`of 2.${minor} has streams, rotations and metadata as the tracer says them`, () => {
      const conversation = created(minor).conversation
      const announced = AddStream.request(13).encode({ ...stream, traceChunkId: 0n })
      const metadata = metadataOf("a text of some length, all of it once more for each trace chunk")
      const all = [
        [AddStream.number, announced],
        [SendMetadata.number, metadata],
        [RotateStreams.number, rotation],
        [SendMetadata.number, metadata]
      ] as const
      for (const [number, payload] of all) {
        assert.deepStrictEqual(Buffer.from(conversation.say(number, payload) ?? []), said(number, payload))
      }
    })
  }

  it("that lets nobody clear keeps a chunk that would be cleared, also in the tracer's own version", () => {
    const told = (spoken: number, minor: number, closeCommand: number) => {
      const dialect = Object.assign(new Dialect(false), { spoken, minor })
      const close = { chunkId: 0n, closeTimestamp: 1n, closeCommand }
      const bytes = said(CloseTraceChunk.number, CloseTraceChunk.request(spoken).encode(close))
      const sent = new Translation().command(dialect, bytes, 0, bytes.length)
      return payloadOf(CloseTraceChunk.request(minor), sent)?.closeCommand
    }
    const { delete: deleted, moveToCompleted, none } = CloseTraceChunk.CloseCommand
    for (const [spoken, minor] of [
      [13, 13],
      [15, 12]
    ] as const) {
      assert.deepStrictEqual(
        [deleted, moveToCompleted, none].map((asked) => told(spoken, minor, asked)),
        [moveToCompleted, moveToCompleted, none]
      )
    }
  })
})

/** A packet of CTF 1.8 with `text` in it, in the tracer's byte order; its padding is not sent if it is the last one. */
const packetOf = (text: Buffer, isBig: boolean, isLast: boolean): Buffer => {
  const head = Buffer.alloc(37)
  const write = (value: number, at: number) => (isBig ? head.writeUInt32BE(value, at) : head.writeUInt32LE(value, at))
  write(0x75d11d57, 0)
  write(8 * (37 + text.length), 24)
  write(8 * 4096, 28)
  return Buffer.concat([head, text, Buffer.alloc(isLast ? 0 : 4096 - 37 - text.length)])
}

/** With what is missing at its end. */
const textOf = (payload: Buffer, paddingSize: number): Buffer => {
  const isBig = payload.length >= 37 && payload.readUInt32BE(0) === 0x75d11d57
  const isPacket = isBig || (payload.length >= 37 && payload.readUInt32LE(0) === 0x75d11d57)
  if (!isPacket) return payload
  // No packet is without text, and none says that it has more than that.
  const bytesAt = (at: number) => (isBig ? payload.readUInt32BE(at) : payload.readUInt32LE(at)) / 8
  assert.isAbove(bytesAt(24), 37)
  assert.isAtMost(bytesAt(24), payload.length)
  const rest = payload.subarray(bytesAt(28))
  if (rest.length === 0) assert.strictEqual(bytesAt(28), payload.length + paddingSize)
  return Buffer.concat([payload.subarray(37, bytesAt(24)), rest.length === 0 ? rest : textOf(rest, paddingSize)])
}

/** Messages of what `sent` has, one behind the other. */
const messagesOf = (sent: Buffer): ReadonlyArray<Buffer> => {
  const messages: Array<Buffer> = []
  for (let at = 0; at < sent.length; ) {
    const end = at + Header.size + Number(sent.readBigUInt64BE(at + Header.offsets.dataSize))
    assert.isAtMost(end, sent.length)
    messages.push(sent.subarray(at + Header.size, end))
    at = end
  }
  return messages
}

const cutsOf = (text: Buffer, lengths: ReadonlyArray<number>): ReadonlyArray<Buffer> => {
  const parts: Array<Buffer> = []
  for (let at = 0, turn = 0; at < text.length; turn++) {
    const end = Math.min(text.length, at + (lengths[turn % lengths.length] ?? 1))
    parts.push(text.subarray(at, end))
    at = end
  }
  return parts
}

const Length = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 90 }))
const Lengths = Schema.Array(Length)

/** Of metadata the edge writes nothing that is shorter than its head. */
const shortest = (number: number) => (number === SendMetadata.number ? 12 : 0)

it("a command that is too short for what it is breaks nothing", () => {
  for (const [spoken, minor] of [
    [13, 4],
    [13, 10],
    [15, 11],
    [15, 12]
  ] as const) {
    for (const { name, number } of Commands.commands.values()) {
      for (let length = shortest(number); length < 48; length++) {
        const say = () => new Conversation(spoken, minor).say(number, Buffer.alloc(length))
        assert.doesNotThrow(say, undefined, undefined, `${name} of ${length} bytes, 2.${spoken} to 2.${minor}`)
      }
    }
  }
})

describe("metadata that begins anew", () => {
  const text = "what the tracer says"
  const saysTwice = (minor: number, between: (conversation: Conversation) => void) => {
    const conversation = new Conversation(13, minor)
    const say = () => conversation.say(SendMetadata.number, metadataOf(text))
    assert.deepStrictEqual(Buffer.from(say() ?? []), said(SendMetadata.number, metadataOf(text)))
    between(conversation)
    return say() !== undefined
  }

  it("is told to a relay that knows of that; one that does not has what it has, once", () => {
    const reset = ResetMetadata.request(13).encode({ streamId: 5n, version: 1n })
    const seen = [4, 7, 8, 10].map((minor) => {
      let isTold = false
      const isSent = saysTwice(minor, (conversation) => {
        isTold = conversation.say(ResetMetadata.number, reset) !== undefined
      })
      return [isTold, isSent]
    })
    assert.deepStrictEqual(seen, [
      [false, false],
      [false, false],
      [true, true],
      [true, true]
    ])
  })

  it("is another stream's once the one of that number is closed", () => {
    assert.isFalse(saysTwice(10, (conversation) => void conversation.say(RotateStreams.number, rotation)))
    const closes = (conversation: Conversation) => {
      conversation.say(RotateStreams.number, rotation)
      conversation.translation.forget(5n)
    }
    assert.isTrue(saysTwice(10, closes))
  })
})

describe("metadata that a tracer sends once more for each trace chunk", () => {
  it.prop(
    "is one text at a relay without chunks, however it is cut into messages and those into records",
    [
      Schema.Array(Lengths),
      Lengths,
      Schema.Literals(["text", "big-endian", "little-endian"]),
      Schema.Literals([1, 2, 3, 100])
    ],
    ([drawn, pieces, form, together]) => {
      const chunks = [[90], ...drawn.slice(0, 5)]
      const { dialect, translation } = new Conversation(13, 10)
      const sent: Array<Uint8Array> = []
      const full = Buffer.from(Array.from({ length: 100 * chunks.length }, (_, at) => 32 + (at % 90)))
      for (const [turn, cuts] of chunks.entries()) {
        const parts = cutsOf(full.subarray(0, 100 * (turn + 1)), cuts.length === 0 ? [50] : cuts)
        for (let next = 0; next < parts.length; next += together) {
          const group = parts.slice(next, next + together)
          const packets = group.map((part, at) => packetOf(part, form === "big-endian", at === group.length - 1))
          const content = Buffer.concat(form === "text" ? group : packets)
          const head = Buffer.alloc(12)
          head.writeBigUInt64BE(5n)
          head.writeUInt32BE(form === "text" ? 0 : 4096 * group.length - content.length, 8)
          const message = said(Commands.SendMetadata.number, Buffer.concat([head, content]))
          // The first record has the head at least.
          const [first = 1, ...rest] = pieces
          const records = [36 + first, ...rest]
          for (let at = 0, index = 0; at < message.length; index++) {
            const to = Math.min(message.length, at + (records[index] ?? message.length))
            const bytes = translation[at === 0 ? "command" : "rest"](dialect, message, at, to)
            if (bytes !== undefined) sent.push(Buffer.from(bytes))
            at = to
          }
        }
        const positions = [{ streamId: 5n, rotateAtSeqNum: 0n }]
        const rotation = said(RotateStreams.number, RotateStreams.request(13).encode({ newChunkId: 1n, positions }))
        assert.isUndefined(translation.command(dialect, rotation, 0, rotation.length))
      }
      const messages = messagesOf(Buffer.concat(sent))
      const payloads = messages.map((message) => message.subarray(12))
      assert.isTrue(payloads.every(({ length }) => length > 0))
      const texts = payloads.map((payload, at) => textOf(payload, messages[at]?.readUInt32BE(8) ?? 0))
      assert.strictEqual(Buffer.concat(texts).toString(), full.toString())
      if (form === "text" || together > 1) return
      const sizes = messages.map((message, at) => (payloads[at]?.length ?? 0) + message.readUInt32BE(8))
      assert.deepStrictEqual([...new Set(sizes)], [4096])
    },
    { arbitrary: { runs: 300 } }
  )
})

describe("metadata whose packets say of themselves what is not so", () => {
  const Size = Schema.Literals([0, 36 * 8, 37 * 8, 40 * 8, 100 * 8, 4096 * 8, 0xffffffff])
  const Packet = Schema.Tuple([
    Schema.Boolean,
    Size,
    Size,
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))
  ])

  it.prop("is passed on as it is, and once more as no more than that", [Schema.NonEmptyArray(Packet)], ([packets]) => {
    const { dialect, translation } = new Conversation(13, 10)
    const content = packets.map(([isBig, contentBits, packetBits, byteCount]) => {
      const packet = packetOf(Buffer.alloc(byteCount, "t"), isBig, true)
      for (const [bits, at] of [
        [contentBits, 24],
        [packetBits, 28]
      ] as const) {
        if (isBig) packet.writeUInt32BE(bits, at)
        else packet.writeUInt32LE(bits, at)
      }
      return packet
    })
    const message = said(SendMetadata.number, Buffer.concat([metadataOf(""), ...content]))
    const send = () => translation.command(dialect, Buffer.from(message), 0, message.length)
    assert.deepStrictEqual(send(), message)
    const again = said(RotateStreams.number, rotation)
    assert.isUndefined(translation.command(dialect, again, 0, again.length))
    const rest = messagesOf(Buffer.from(send() ?? []))
    assert.isAtMost(rest.length, 1)
    assert.isAtMost(rest[0]?.length ?? 0, message.length)
  })

  it("is not held back for more than a few packets' worth", () => {
    const [head, end] = [Header.size + 12 + 37, 4 * 1024 * 1024]
    const needed = [end, end + 1].map((messageBytes) => {
      const message = said(SendMetadata.number, Buffer.concat([metadataOf(""), packetOf(Buffer.alloc(0), false, true)]))
      message.writeBigUInt64BE(BigInt(messageBytes - Header.size), Header.offsets.dataSize)
      return messageHeadBytes(message)
    })
    assert.deepStrictEqual(needed, [end, head])
    assert.isUndefined(messageHeadBytes(Buffer.alloc(Header.size - 1)))
  })
})
