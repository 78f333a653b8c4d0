/** What a viewer has not of metadata that began anew in other packets: packets are read back as text. */
import { assert, describe, it } from "@effect/vitest"
import { MetadataText, packetCountMax } from "../../src/model/MetadataText.ts"
import { headBytes } from "../../src/protocol/MetadataPacket.ts"
import { packet, textOf } from "../support/metadata.ts"
import { Random } from "../support/Random.ts"

/** A packet of 40 bytes whose head says this of itself. */
const saying = (contentBits: number, packetBits: number): Buffer => {
  const bytes = packet("abc")
  bytes.writeUInt32LE(contentBits, 24)
  bytes.writeUInt32LE(packetBits, 28)
  return bytes
}

/** A file, and where its text lies. */
class File {
  readonly text = new MetadataText()
  bytes = Buffer.alloc(0)

  /** In two reads. */
  send(message: Buffer, cut = 20): void {
    this.text.begin()
    this.text.read(message, 0, Math.min(cut, message.length))
    this.text.read(message, Math.min(cut, message.length), message.length)
    this.text.end(message.length)
    this.bytes = Buffer.concat([this.bytes, message])
  }

  restart(): void {
    this.text.restart()
    this.bytes = Buffer.alloc(0)
  }

  after(count: number): Buffer | undefined {
    const rest = this.text.after(count)
    return rest && Buffer.concat([rest.head, this.bytes.subarray(rest.from)])
  }
}

describe("metadata that begins anew", () => {
  it("is the rest of its text for who has some of it, whole packets as they are", () => {
    const file = new File()
    file.send(packet("abc", 9))
    file.send(packet("de", 4))
    assert.strictEqual(file.text.byteCount, 5)
    file.restart()
    const [first, second] = [packet("abcdefg", 3), packet("hi", 11)]
    file.send(first)
    file.send(second)
    assert.deepStrictEqual([file.text.generation, file.text.byteCount], [1, 9])
    assert.strictEqual(textOf(file.after(5) ?? assert.fail()), "fghi")
    assert.deepStrictEqual(file.after(0), Buffer.concat([first, second]))
    assert.deepStrictEqual(file.after(7), second)
    assert.isUndefined(file.after(9))
  })

  it.each([true, false])("any text in any packets, cut anywhere, little-endian: %s", (isLittle) => {
    const random = new Random(7)
    const pick = (below: number) => Math.floor(random.next() * below)
    for (let round = 0; round < 200; round++) {
      const text = Array.from({ length: 1 + pick(40) }, () => String.fromCharCode(97 + pick(26))).join("")
      const file = new File()
      for (let at = 0; at < text.length; ) {
        const count = 1 + pick(text.length - at)
        const half = pick(count + 1)
        const whole = packet(text.slice(at, at + half), pick(50), isLittle)
        const parts = [whole, packet(text.slice(at + half, at + count), pick(50), isLittle)]
        if (pick(2) === 0) file.send(Buffer.concat(parts), pick(160))
        else for (const part of parts) file.send(part, pick(60))
        at += count
      }
      for (let at = 0; at < text.length; at++) {
        assert.strictEqual(textOf(file.after(at) ?? assert.fail(), isLittle), text.slice(at))
      }
    }
  })

  it.each([
    ["plain text", Buffer.from("/* CTF 1.8 */ trace { major = 1; minor = 8; };")],
    ["shorter than a head", packet("abc").subarray(0, 30)],
    ["a packet and part of one", Buffer.concat([packet("a"), packet("b").subarray(0, 37)])],
    ["a packet and part of a head", Buffer.concat([packet("a"), packet("b").subarray(0, 30)])],
    ["a packet of no bytes", saying(headBytes * 8, 0)],
    ["a packet without a whole head", saying(36 * 8, 36 * 8)],
    ["a packet whose content has no whole head", saying(36 * 8, 40 * 8)],
    ["a packet with more content than it has room", saying(41 * 8, 40 * 8)],
    ["a packet of content that is no whole bytes", saying(39 * 8 + 1, 40 * 8)],
    ["a packet that is no whole bytes", saying(39 * 8, 40 * 8 + 1)],
    ["a packet and text", Buffer.concat([packet("a"), Buffer.from('event { name = "one"; id = 1; stream_id = 0; };')])]
  ])("is not known to lie anywhere in a message that is %s, until the next time", (_, message) => {
    const file = new File()
    file.send(packet("abc"))
    file.send(message)
    file.send(packet("def"))
    assert.isUndefined(file.text.byteCount)
    assert.isUndefined(file.after(0))
    file.restart()
    assert.strictEqual(file.text.byteCount, 0)
  })

  it("may come as several packets in one message, as of a live session, padding of the last one left out", () => {
    const file = new File()
    const message = Buffer.concat([packet("abc", 9), packet("de", 4), packet("f", 8)])
    file.text.begin()
    for (let at = 0; at < message.length - 8; at++) file.text.read(message, at, at + 1)
    file.text.end(message.length)
    file.bytes = message
    assert.strictEqual(file.text.byteCount, 6)
    assert.strictEqual(textOf(file.after(4) ?? assert.fail()), "ef")
  })

  it("is not known to lie anywhere behind as many packets as nobody needs: small ones would fill memory", () => {
    const file = new File()
    for (let count = 0; count < packetCountMax; count++) file.send(packet("a"))
    assert.strictEqual(file.text.byteCount, packetCountMax)
    file.send(packet("a"))
    assert.isUndefined(file.text.byteCount)
    file.restart()
    file.send(Buffer.concat(Array.from({ length: packetCountMax + 1 }, () => packet("a"))))
    assert.isUndefined(file.text.byteCount)
  })
})
