/** Both framers, given the same bytes cut in every way: what the sink sees does not depend on the cuts. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { payloadBytesMaxOf } from "../../src/connection/control/Payloads.ts"
import { CommandFramer, type CommandSink, flow, refuse } from "../../src/protocol/control/CommandFramer.ts"
import * as Control from "../../src/protocol/control/index.ts"
import { PacketFramer, type PacketSink } from "../../src/protocol/data/PacketFramer.ts"
import { payloadBytesMax } from "../../src/protocol/Header.ts"
import { header as commandHeader, join, message, packetHeader } from "../sidebyside/commands.ts"

// ---- packets -------------------------------------------------------------------------------------------------------

interface Packet {
  readonly stream: number
  readonly seq: number
  readonly size: number
  readonly padding: number
}

const payloadOf = ({ seq, size }: Packet) => Buffer.from(Array.from({ length: size }, (_, at) => (seq * 31 + at) & 255))
const packetBytes = (packet: Packet) =>
  join(packetHeader(BigInt(packet.stream), packet.seq, packet.size, packet.padding), payloadOf(packet))

/** Writes down what it is given, payload ranges joined. */
const packetRecorder = (accepts: (line: string) => boolean = () => true) => {
  const lines: Array<string> = []
  let payload = ""
  const note = (line: string) => {
    lines.push(line)
    return accepts(line)
  }
  const sink: PacketSink = {
    packetBegin: (stream, seq, size, padding) => {
      payload = ""
      return note(`begin ${stream} ${seq} ${size} ${padding}`)
    },
    payload: (bytes, from, to) => {
      assert.isBelow(from, to)
      payload += bytes.toString("hex", from, to)
      return accepts("payload")
    },
    packetEnd: () => note(`end ${payload}`)
  }
  return { sink, lines }
}

const packets: ReadonlyArray<Packet> = [
  { stream: 1, seq: 0, size: 5, padding: 3 },
  { stream: 2, seq: 7, size: 0, padding: 0 },
  { stream: 1, seq: 1, size: 0, padding: 4096 },
  { stream: 3, seq: 2, size: 40, padding: 0 },
  { stream: 1, seq: 3, size: 1, padding: 0 }
]
const packetLines = packets.flatMap((packet) => [
  `begin ${packet.stream} ${packet.seq} ${packet.size} ${packet.padding}`,
  `end ${payloadOf(packet).toString("hex")}`
])
const packetStream = join(...packets.map(packetBytes))

/** Each part in a buffer of its own size with rubbish behind it, overwritten afterwards: views must not be kept. */
const pushAll = (framer: { push: (bytes: Buffer, length: number) => boolean }, parts: ReadonlyArray<Uint8Array>) =>
  parts.map((part) => {
    const lent = join(part, Buffer.alloc(8, 0xee))
    const answer = framer.push(lent, part.length)
    lent.fill(0xdd)
    return answer
  })

describe("packets of a data connection", () => {
  it("the header is that of a real target", () => {
    const { sink, lines } = packetRecorder()
    const captured = "0000000000000000000000000000000100000000000000000000015100000eaf"
    assert.isTrue(new PacketFramer(sink).push(Buffer.from(captured, "hex"), 32))
    assert.deepStrictEqual(lines, ["begin 1 0 337 3759"])
  })

  it("are the same in one piece, cut anywhere, and byte by byte", () => {
    for (let cut = 0; cut <= packetStream.length; cut++) {
      const { sink, lines } = packetRecorder()
      const framer = new PacketFramer(sink)
      assert.deepStrictEqual(pushAll(framer, [packetStream.subarray(0, cut), packetStream.subarray(cut)]), [true, true])
      assert.deepStrictEqual(lines, packetLines, `cut at ${cut}`)
      assert.isTrue(framer.isIdle)
    }
    const { sink, lines } = packetRecorder()
    pushAll(
      new PacketFramer(sink),
      Array.from(packetStream, (byte) => Uint8Array.of(byte))
    )
    assert.deepStrictEqual(lines, packetLines)
  })

  it.prop(
    "are the same in any pieces",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 })))],
    ([sizes]) => {
      const parts: Array<Uint8Array> = []
      let at = 0
      for (const size of sizes) {
        parts.push(packetStream.subarray(at, at + size))
        at += size
      }
      parts.push(packetStream.subarray(at))
      const { sink, lines } = packetRecorder()
      pushAll(new PacketFramer(sink), parts)
      assert.deepStrictEqual(lines, packetLines)
    }
  )

  it("one without payload is complete with its header", () => {
    const { sink, lines } = packetRecorder()
    new PacketFramer(sink).push(packetHeader(1n, 9, 0, 64), 32)
    assert.deepStrictEqual(lines, ["begin 1 9 0 64", "end "])
  })

  it("the largest one passes in ranges and nothing of it is kept", () => {
    let total = 0
    let ends = 0
    const sink: PacketSink = {
      packetBegin: () => true,
      payload: (_, from, to) => {
        total += to - from
        return true
      },
      packetEnd: () => {
        ends++
        return true
      }
    }
    const framer = new PacketFramer(sink)
    framer.push(packetHeader(1n, 0, 0xffff_ffff, 0), 32)
    const part = Buffer.alloc(64 * 1024 * 1024)
    for (let left = 0xffff_ffff; left > 0; left -= part.length) framer.push(part, Math.min(left, part.length))
    assert.deepStrictEqual([total, ends, framer.isIdle], [0xffff_ffff, 1, true])
  })

  for (const refused of ["begin 2 7 0 0", "payload", `end ${payloadOf(packets[4] as Packet).toString("hex")}`]) {
    it(`after "${refused}" was refused the framer is dead`, () => {
      const { sink, lines } = packetRecorder((line) => line !== refused)
      const framer = new PacketFramer(sink)
      assert.isFalse(framer.push(packetStream, packetStream.length))
      const seen = lines.length
      assert.isFalse(framer.push(packetStream, packetStream.length))
      assert.strictEqual(lines.length, seen)
    })
  }
})

// ---- commands ------------------------------------------------------------------------------------------------------

const flowing = 6
const refusing = 99
const wantedMax = 16

const commandRecorder = (pausesAfter: (command: number) => boolean = () => false) => {
  const lines: Array<string> = []
  let flowed = ""
  const sink: CommandSink = {
    header: (command) => {
      flowed = ""
      if (command === flowing) return flow
      return command === refusing ? refuse : wantedMax
    },
    command: (command, payload, from, to) => {
      lines.push(`${command} ${payload.toString("hex", from, to)}`)
      return !pausesAfter(command)
    },
    flow: (bytes, from, to) => {
      flowed += bytes.toString("hex", from, to)
    },
    flowEnd: () => {
      lines.push(`${flowing} flowed ${flowed}`)
    }
  }
  return { sink, lines }
}

const bytesOf = (size: number) => Buffer.from(Array.from({ length: size }, (_, at) => at & 255))
const commands: ReadonlyArray<readonly [number, number]> = [
  [5, 8],
  [16, 0],
  [flowing, 40],
  [13, wantedMax],
  [13, wantedMax + 1],
  [16, 0],
  [flowing, 1],
  [2, 30]
]
const commandStream = join(...commands.map(([number, size]) => message(number, bytesOf(size))))
const commandLines = commands.map(([number, size]) =>
  number === flowing
    ? `${number} flowed ${bytesOf(size).toString("hex")}`
    : `${number} ${bytesOf(Math.min(size, wantedMax)).toString("hex")}`
)

/** Pushes as a connection does: what follows a pause is given again. */
const pushCommands = (framer: CommandFramer, parts: ReadonlyArray<Uint8Array>) => {
  for (const part of parts) {
    const lent = join(part, Buffer.alloc(8, 0xee))
    let at = 0
    do {
      const stopped = framer.push(lent, at, part.length)
      if (stopped === at) break
      at = stopped
    } while (at < part.length && !framer.isDead)
    lent.fill(0xdd)
  }
}

describe("commands of a control connection", () => {
  it("are the same in one piece, cut anywhere, and byte by byte; paused after each or never", () => {
    for (const pauses of [false, true]) {
      for (let cut = 0; cut <= commandStream.length; cut++) {
        const { sink, lines } = commandRecorder(() => pauses)
        pushCommands(new CommandFramer(sink), [commandStream.subarray(0, cut), commandStream.subarray(cut)])
        assert.deepStrictEqual(lines, commandLines, `cut at ${cut}`)
      }
      const { sink, lines } = commandRecorder(() => pauses)
      pushCommands(
        new CommandFramer(sink),
        Array.from(commandStream, (byte) => Uint8Array.of(byte))
      )
      assert.deepStrictEqual(lines, commandLines)
    }
  })

  it("a pause stops right behind the command", () => {
    const { sink, lines } = commandRecorder((command) => command === 5)
    assert.strictEqual(new CommandFramer(sink).push(commandStream, 0, commandStream.length), 24 + 8)
    assert.deepStrictEqual(lines, commandLines.slice(0, 1))
  })

  it("a payload of the limit is taken, one byte more ends the connection before it is read", () => {
    const { sink, lines } = commandRecorder()
    const framer = new CommandFramer(sink)
    framer.push(commandHeader(13, payloadBytesMax), 0, 24)
    assert.isFalse(framer.isDead)
    const part = Buffer.alloc(1024 * 1024)
    for (let left = payloadBytesMax; left > 0; left -= part.length) framer.push(part, 0, part.length)
    assert.deepStrictEqual(lines, [`13 ${"00".repeat(wantedMax)}`])
    framer.push(commandHeader(13, payloadBytesMax + 1), 0, 24)
    assert.isTrue(framer.isDead)
  })

  it("sizes beyond 53 bits are too large, not small again", () => {
    for (const size of [2n ** 32n, 2n ** 53n, 2n ** 64n - 1n]) {
      const framer = new CommandFramer(commandRecorder().sink)
      framer.push(commandHeader(13, size), 0, 24)
      assert.isTrue(framer.isDead, `${size}`)
    }
  })

  it("after a refused header nothing more is looked at", () => {
    const { sink, lines } = commandRecorder()
    const framer = new CommandFramer(sink)
    framer.push(join(message(refusing, bytesOf(4)), commandStream), 0, 28 + commandStream.length)
    assert.isTrue(framer.isDead)
    framer.push(commandStream, 0, commandStream.length)
    assert.deepStrictEqual(lines, [])
  })
})

it("of a command's payload no more is kept than it can use, and much only of one that names many streams", () => {
  const { number: rotation, position } = Control.RotateStreams
  const littleMax = 16 * 1024
  for (const { number } of [Control.CreateSession, Control.AddStream, Control.SendIndex, Control.CreateTraceChunk])
    assert.isAtMost(payloadBytesMaxOf(number, 65_000), littleMax)
  for (const count of [1, 2000, 65_000])
    assert.isAtLeast(payloadBytesMaxOf(rotation, count), count * position.size + 32)
  // Whoever has no session, or one without streams, has none to name, on however many connections.
  assert.isAtMost(payloadBytesMaxOf(rotation, 0), littleMax)
})
