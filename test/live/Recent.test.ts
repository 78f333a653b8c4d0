/** The newest packets and index records in memory: what is found, what is forgotten, and that bytes are those given. */
import { assert, describe, it } from "@effect/vitest"
import { offsetOf, RecentIndexes, recordBytes, recordCountMax } from "../../src/memory/RecentIndexes.ts"
import { RecentPackets } from "../../src/memory/RecentPackets.ts"

const bytesOf = (recent: RecentPackets, file: object, offset: number): string | undefined => {
  const packet = recent.find(file, offset)
  if (packet === undefined) return undefined
  const bytes = Buffer.alloc(packet.byteCount)
  packet.copy(0, packet.byteCount, bytes, 0)
  return bytes.toString("latin1")
}

const add = (recent: RecentPackets, file: object, offset: number, text: string) => {
  const bytes = Buffer.from(`..${text}..`, "latin1")
  recent.begin(file, offset, text.length)?.append(bytes, 2, 2 + text.length)
}

describe("recent packets", () => {
  it("are found by file and offset once they are whole", () => {
    const recent = new RecentPackets(100)
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

  it("push out the oldest, and only as many as they need", () => {
    const recent = new RecentPackets(10)
    const file = {}
    for (const [offset, text] of [
      [0, "aaaa"],
      [4, "bbbb"],
      [8, "cc"]
    ] as const)
      add(recent, file, offset, text)
    assert.deepStrictEqual(
      [0, 4, 8].map((offset) => bytesOf(recent, file, offset)),
      ["aaaa", "bbbb", "cc"]
    )
    add(recent, file, 10, "d")
    assert.deepStrictEqual(
      [0, 4, 8, 10].map((offset) => bytesOf(recent, file, offset)),
      [undefined, "bbbb", "cc", "d"]
    )
  })

  it("larger than the ring are not kept, and push out nothing", () => {
    const recent = new RecentPackets(4)
    const file = {}
    add(recent, file, 0, "abcd")
    assert.isUndefined(recent.begin(file, 4, 5))
    assert.isUndefined(recent.begin(file, 4, 0))
    assert.strictEqual(bytesOf(recent, file, 0), "abcd")
  })

  it("are lent to several at once, and their memory is not used again before all gave it back", () => {
    const recent = new RecentPackets(8)
    const file = {}
    add(recent, file, 0, "aaaaaaaa")
    const head = Buffer.from("head:")
    const loans = [1, 2].map(() => recent.find(file, 0)?.lend(head, 8))
    assert.deepStrictEqual(
      loans.map((loan) => loan?.bytes.toString()),
      ["head:aaaaaaaa", "head:aaaaaaaa"]
    )
    assert.isUndefined(recent.find(file, 0)?.lend(Buffer.from("other"), 4))
    add(recent, file, 8, "bbbbbbbb")
    loans[0]?.giveBack()
    add(recent, file, 16, "cccccccc")
    assert.strictEqual(loans[1]?.bytes.toString(), "head:aaaaaaaa")
    loans[1]?.giveBack()
    add(recent, file, 24, "dddddddd")
    assert.strictEqual(bytesOf(recent, file, 24), "dddddddd")
  })

  it("are lent with another head when nobody has the first", () => {
    const recent = new RecentPackets(8)
    const file = {}
    add(recent, file, 0, "aaaabbbb")
    const packet = recent.find(file, 0)
    packet?.lend(Buffer.from("first"), 8)?.giveBack()
    assert.strictEqual(packet?.lend(Buffer.from("4:"), 4)?.bytes.toString(), "4:aaaa")
  })

  it("pushed out while they arrive are never found, and damage none that is", () => {
    const recent = new RecentPackets(8)
    const slow = recent.begin("slow" as never, 0, 6)
    const file = {}
    slow?.append(Buffer.from("sss"), 0, 3)
    add(recent, file, 0, "ffffffff")
    slow?.append(Buffer.from("sss"), 0, 3)
    assert.isUndefined(recent.find("slow" as never, 0))
    assert.strictEqual(bytesOf(recent, file, 0), "ffffffff")
  })

  it("equal what was put in, over many rounds of any sizes", () => {
    const size = 257
    const recent = new RecentPackets(size)
    const files = [{}, {}, {}]
    const kept: Array<{ readonly file: object; readonly offset: number; readonly text: string }> = []
    let state = 12345
    const random = (below: number) => {
      state = (state * 1_103_515_245 + 12_345) % 0x8000_0000
      return Math.floor((state / 0x8000_0000) * below)
    }
    for (let round = 0; round < 5000; round++) {
      const file = files[random(3)] as object
      const text = String.fromCharCode(97 + random(26)).repeat(1 + random(100))
      add(recent, file, round, text)
      kept.push({ file, offset: round, text })
      let heldBytes = 0
      for (const entry of kept.slice(-40)) {
        const found = bytesOf(recent, entry.file, entry.offset)
        if (found === undefined) continue
        assert.strictEqual(found, entry.text)
        heldBytes += found.length
      }
      assert.isAtMost(heldBytes, size)
      assert.strictEqual(bytesOf(recent, file, round), text)
    }
  })
})

describe("recent indexes", () => {
  it("are the newest ones, with the offset in front of the fields received", () => {
    const recent = new RecentIndexes()
    const fields = Buffer.alloc(70, 7)
    for (let seq = 0; seq < recordCountMax + 3; seq++) {
      fields[3] = seq
      recent.add(seq, 0x2_0000_0000 + seq, fields, 3)
    }
    assert.deepStrictEqual(
      [0, 2, recordCountMax + 3].map((seq) => recent.find(seq)),
      [-1, -1, -1]
    )
    for (let seq = 3; seq < recordCountMax + 3; seq++) {
      const at = recent.find(seq)
      assert.strictEqual(offsetOf(recent.bytes, at), 0x2_0000_0000 + seq)
      assert.strictEqual(recent.bytes[at + 8], seq)
      assert.strictEqual(recent.bytes[at + recordBytes - 1], 7)
    }
  })
})
