/** The newest packets and index records in memory: what is found, what is forgotten, and that bytes are those given. */
import { assert, describe, it } from "@effect/vitest"
import { offsetOf, RecentIndexes, recordBytes, recordCountMax } from "../../src/memory/RecentIndexes.ts"
import { RecentPackets } from "../../src/memory/RecentPackets.ts"

/** A ring with room for `count` packets of up to 16 bytes. */
const unitBytes = 32
const ringOf = (count: number) => new RecentPackets(count * unitBytes, unitBytes)

const bytesOf = (recent: RecentPackets, file: object, offset: number): string | undefined => {
  const packet = recent.find(file, offset)
  if (packet === undefined) return undefined
  const { bytes, giveBack } = packet.lend(Buffer.of(), 0, packet.byteCount)
  giveBack()
  return bytes.toString("latin1")
}

const add = (recent: RecentPackets, file: object, offset: number, text: string) => {
  const bytes = Buffer.from(`..${text}..`, "latin1")
  recent.begin(file, offset, text.length)?.append(bytes, 2, 2 + text.length)
}

const lend = (recent: RecentPackets, file: object, offset: number, head = "") => {
  const packet = recent.find(file, offset)
  assert(packet !== undefined, "the packet is there")
  return packet.lend(Buffer.from(head), 0, packet.byteCount)
}

describe("recent packets", () => {
  it("are found by file and offset once they are whole", () => {
    const recent = ringOf(4)
    const file = {}
    const packet = recent.begin(file, 40, 8)
    packet?.append(Buffer.from("abc"), 0, 3)
    assert.isUndefined(recent.find(file, 40))
    packet?.append(Buffer.from("def"), 0, 3)
    packet?.appendZeros(2)
    assert.strictEqual(bytesOf(recent, file, 40), "abcdef\0\0")
    assert.isUndefined(recent.find(file, 41))
    assert.isUndefined(recent.find({}, 40))
  })

  it("push out the oldest, and only as many as they need, of whatever file", () => {
    const recent = ringOf(3)
    const [one, other] = [{}, {}]
    add(recent, one, 0, "aaaa")
    add(recent, other, 0, "bbbb")
    add(recent, one, 4, "cc")
    const found = () => [bytesOf(recent, one, 0), bytesOf(recent, other, 0), bytesOf(recent, one, 4)]
    assert.deepStrictEqual(found(), ["aaaa", "bbbb", "cc"])
    add(recent, other, 4, "d".repeat(16))
    assert.deepStrictEqual(found(), [undefined, "bbbb", "cc"])
    add(recent, other, 20, "e".repeat(17))
    assert.deepStrictEqual(found(), [undefined, undefined, undefined])
    assert.strictEqual(bytesOf(recent, other, 4), "d".repeat(16))
    assert.strictEqual(bytesOf(recent, other, 20), "e".repeat(17))
  })

  it("are not kept where the system has no room for the ring, which is asked for once", () => {
    const { SharedArrayBuffer: own } = globalThis
    let askedCount = 0
    class Refused {
      constructor() {
        askedCount++
        throw new RangeError("Array buffer allocation failed")
      }
    }
    const recent = ringOf(4)
    try {
      globalThis.SharedArrayBuffer = Refused as unknown as SharedArrayBufferConstructor
      for (const offset of [0, 4]) add(recent, recent, offset, "aaaa")
    } finally {
      globalThis.SharedArrayBuffer = own
    }
    assert.isUndefined(bytesOf(recent, recent, 0))
    assert.strictEqual(askedCount, 1)
  })

  it("larger than the ring are not kept, and push out nothing", () => {
    const recent = ringOf(1)
    const file = {}
    add(recent, file, 0, "abcd")
    assert.isUndefined(recent.begin(file, 4, 17))
    assert.isUndefined(recent.begin(file, 4, 0))
    assert.strictEqual(bytesOf(recent, file, 0), "abcd")
  })

  it("of 4 KiB, the smallest of usual ones, fill nearly all of the memory", () => {
    const file = {}
    const packetBytes = 4096
    for (const [bytesMax, count] of [
      [2 ** 20, 227],
      [2 ** 24, 3640],
      // Places in a larger ring are larger.
      [2 ** 30, 209_715]
    ] as const) {
      const recent = new RecentPackets(bytesMax)
      const begin = (number: number) =>
        recent
          .begin(file, number * packetBytes, packetBytes)
          ?.claim()
          .filled(true)
      for (let number = 0; number < count; number++) begin(number)
      assert.isDefined(recent.find(file, 0))
      begin(count)
      assert.isUndefined(recent.find(file, 0), `${bytesMax}`)
      assert.isDefined(recent.find(file, packetBytes))
    }
  })

  it("are not kept where there is not that much memory", () => {
    const recent = new RecentPackets(2 ** 52, 2 ** 48)
    for (const offset of [0, 1]) assert.isUndefined(recent.begin({}, offset, 1))
  })

  it("are lent to several at once, and stay where they are until all gave them back", () => {
    const recent = ringOf(2)
    const file = {}
    add(recent, file, 0, "aaaaaaaa")
    const loans = [1, 2].map(() => lend(recent, file, 0, "head:"))
    const shown = () => loans.map(({ bytes }) => bytes.toString())
    for (const offset of [8, 16, 24]) add(recent, file, offset, "bbbbbbbb")
    assert.deepStrictEqual(shown(), ["head:aaaaaaaa", "head:aaaaaaaa"])
    loans[0]?.giveBack()
    add(recent, file, 32, "cccccccc")
    assert.deepStrictEqual(shown(), ["head:aaaaaaaa", "head:aaaaaaaa"])
    assert.strictEqual(bytesOf(recent, file, 0), "aaaaaaaa")
    loans[1]?.giveBack()
    add(recent, file, 40, "dddddddd")
    assert.isUndefined(recent.find(file, 0))
  })

  it("lent everywhere leave no place for another", () => {
    const recent = ringOf(3)
    const file = {}
    for (const offset of [0, 1, 2]) add(recent, file, offset, `${offset}`)
    const [first, , last] = [0, 1, 2].map((offset) => lend(recent, file, offset))
    assert.isUndefined(recent.begin(file, 3, 1))
    last?.giveBack()
    assert.isUndefined(recent.begin(file, 3, 17), "two places that are not one behind the other")
    first?.giveBack()
    add(recent, file, 4, "4")
    assert.deepStrictEqual(
      [0, 1, 2, 4].map((offset) => bytesOf(recent, file, offset)),
      [undefined, "1", "2", "4"]
    )
  })

  it("are lent in part, or while another head is lent, with the head apart", () => {
    const recent = ringOf(1)
    const file = {}
    add(recent, file, 0, "aaaabbbb")
    const packet = recent.find(file, 0)
    const shown = (head: string, from: number, count: number) => {
      const lent = packet?.lend(Buffer.from(head), from, count)
      return { shown: [lent?.head?.toString(), lent?.bytes.toString()], giveBack: lent?.giveBack }
    }
    const whole = shown("8:", 0, 8)
    const [begin, end] = [shown("4:", 0, 4), shown("4:", 4, 4)]
    assert.deepStrictEqual(
      [whole, begin, end].map((each) => each.shown),
      [
        [undefined, "8:aaaabbbb"],
        ["4:", "aaaa"],
        ["4:", "bbbb"]
      ]
    )
    for (const { giveBack } of [whole, begin, end]) giveBack?.()
    assert.deepStrictEqual(shown("4:", 0, 4).shown, [undefined, "4:aaaa"])
  })

  it("pushed out while they arrive are never found, and damage none that is", () => {
    const recent = ringOf(1)
    const [slow, fast] = [{}, {}]
    const packet = recent.begin(slow, 0, 6)
    packet?.append(Buffer.from("sss"), 0, 3)
    add(recent, fast, 0, "ffffffff")
    packet?.append(Buffer.from("sss"), 0, 3)
    packet?.appendZeros(3)
    assert.isUndefined(recent.find(slow, 0))
    assert.strictEqual(bytesOf(recent, fast, 0), "ffffffff")
  })

  it("are filled by others, and found only if they were", () => {
    const recent = ringOf(1)
    const file = {}
    for (const [offset, isWhole] of [
      [0, false],
      [9, true]
    ] as const) {
      const claim = recent.begin(file, offset, 9)?.claim()
      claim?.bytes.fill("x")
      assert.isUndefined(recent.begin(file, 18, 9), "its place is being filled")
      claim?.filled(isWhole)
    }
    assert.deepStrictEqual([bytesOf(recent, file, 0), bytesOf(recent, file, 9)], [undefined, "x".repeat(9)])
  })

  it("equal what was put in, over many rounds of any sizes, some of them lent", () => {
    const recent = new RecentPackets(23 * unitBytes, unitBytes)
    const files = [{}, {}, {}]
    const kept: Array<{ readonly file: object; readonly offset: number; readonly text: string }> = []
    const loans: Array<{ readonly bytes: Buffer; readonly text: string; readonly giveBack: () => void }> = []
    let state = 12345
    const random = (below: number) => {
      state = (state * 1_103_515_245 + 12_345) % 0x8000_0000
      return Math.floor((state / 0x8000_0000) * below)
    }
    let loanCount = 0
    for (let round = 0; round < 5000; round++) {
      const file = files[random(3)] as object
      const text = String.fromCharCode(97 + random(26)).repeat(1 + random(100))
      add(recent, file, round, text)
      if (bytesOf(recent, file, round) !== undefined) kept.push({ file, offset: round, text })
      for (const entry of kept.slice(-40)) {
        const found = bytesOf(recent, entry.file, entry.offset)
        if (found !== undefined) assert.strictEqual(found, entry.text)
      }
      const {
        file: ofLoan,
        offset,
        text: lentText
      } = kept[kept.length - 1 - random(3)] ?? (kept[0] as (typeof kept)[0])
      if (random(3) === 0 && recent.find(ofLoan, offset) !== undefined) {
        const { bytes, giveBack } = lend(recent, ofLoan, offset)
        loans.push({ bytes, giveBack, text: lentText })
        loanCount++
      }
      for (const loan of loans) assert.strictEqual(loan.bytes.toString("latin1"), loan.text)
      if (loans.length > 3) loans.splice(random(3), 1)[0]?.giveBack()
    }
    assert.isAbove(kept.length, 4000)
    assert.isAbove(loanCount, 500)
  })
})

describe("recent indexes", () => {
  it("are the newest ones, with the offset in front of the fields received", () => {
    const recent = new RecentIndexes()
    const fields = Buffer.alloc(70, 7)
    for (let seq = 0; seq < recordCountMax + 3; seq++) {
      fields[3] = seq
      recent.add(seq, 0x2_0000_0000 + seq, fields, 3, 10 * seq)
    }
    assert.deepStrictEqual(
      [0, 2, recordCountMax + 3].map((seq) => recent.find(seq)),
      [-1, -1, -1]
    )
    assert.isUndefined(recent.addedMillis(2))
    for (let seq = 3; seq < recordCountMax + 3; seq++) {
      const at = recent.find(seq)
      assert.strictEqual(offsetOf(recent.bytes, at), 0x2_0000_0000 + seq)
      assert.strictEqual(recent.bytes[at + 8], seq)
      assert.strictEqual(recent.bytes[at + recordBytes - 1], 7)
      assert.strictEqual(recent.addedMillis(seq), 10 * seq)
    }
  })
})
