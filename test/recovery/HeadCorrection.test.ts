/**
 * Heads of packets in which one member was damaged, while the index says the right one: the packet stays where it is,
 * and says that again. Without that its bytes were cut off, or babeltrace2 ended at it.
 */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CtfPacket from "../../src/protocol/CtfPacket.ts"
import * as Aside from "../../src/recovery/Aside.ts"
import * as Check from "../../src/recovery/Check.ts"
import * as Repair from "../../src/recovery/Repair.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Peers from "../support/peers.ts"
import * as Relays from "../support/relays.ts"
import * as Trees from "./trees.ts"

const packetBytes = 4096
const recorded = Trees.recorded("live1")
const path = [...recorded.keys()].find((name) => name.endsWith("/c_1")) as string
const index = path.replace(/c_1$/, "index/c_1.idx")
const count = (recorded.get(path)?.length ?? 0) / packetBytes

const damaged = (packet: number, values: Partial<Record<CtfPacket.Member, bigint>>): Trees.Files => {
  const files = new Map(recorded)
  const bytes = Buffer.from(recorded.get(path) as Uint8Array)
  for (const name of CtfPacket.memberNames) {
    const value = values[name]
    if (value !== undefined) bytes.writeBigUInt64LE(value, packet * packetBytes + CtfPacket.memberAt[name])
  }
  files.set(path, bytes)
  return files
}

const repaired = (files: Trees.Files) => Repair.repair(Trees.tree(files), Trees.apply(files))

const assertWhole = (files: Trees.Files) => {
  assert.deepStrictEqual([...files.keys()].sort(), [...recorded.keys()].sort())
  for (const [name, bytes] of recorded)
    assert.isTrue(Buffer.from(bytes).equals(files.get(name) ?? new Uint8Array(0)), name)
}

const cases = [
  ["packetSize", 0n],
  ["packetSize", 65536n],
  ["packetSize", 32769n],
  ["packetSize", 0xffff_ffff_ffff_fff8n],
  ["contentSize", 0xffff_ffff_ffff_ffffn],
  ["contentSize", 888n],
  ["streamInstanceId", 7n],
  ["timestampBegin", 1n],
  ["timestampEnd", 0n],
  ["timestampEnd", 0x3fff_ffff_ffffn]
] as const

describe("a head with one damaged member", () => {
  it.each(cases)("%s %i is again what the index says of it, in every packet", (member, value) => {
    for (let packet = 0; packet < count; packet++) {
      // The first packet may begin at any time, the last end.
      if (packet === 0 && member === "timestampBegin") continue
      if (packet === count - 1 && value === 0x3fff_ffff_ffffn) continue
      const files = damaged(packet, { [member]: value })
      assert.isTrue(Check.isDamaged(Check.check(Trees.tree(files))))
      const { changes, failures, report } = repaired(files)
      assert.deepStrictEqual([failures, Check.isDamaged(report)], [[], false])
      assert.deepStrictEqual(
        changes.map(({ kind }) => kind),
        ["set-member"]
      )
      assertWhole(files)
    }
  })
})

describe("a whole packet at the end of a file", () => {
  it("is set aside, and not cut off as one whose end never came, if more of its head is damaged", () => {
    const files = damaged(count - 1, { packetSize: 65536n, packetSeqNum: 99n })
    repaired(files)
    const last = files.get(Aside.pathOf(path))
    assert.isTrue(Buffer.from(last ?? []).equals(damagedLast))
    assert.strictEqual(files.get(path)?.length, (count - 1) * packetBytes)
  })
  const damagedLast = Buffer.from(
    damaged(count - 1, { packetSize: 65536n, packetSeqNum: 99n }).get(path) as Uint8Array
  ).subarray(-packetBytes)

  it("is cut off if a crash has left nothing of its bytes, though its record is there", () => {
    const files = new Map(recorded)
    files.set(path, Buffer.from(recorded.get(path) as Uint8Array).fill(0, (count - 1) * packetBytes))
    repaired(files)
    assert.isUndefined(files.get(Aside.pathOf(path)))
    assert.strictEqual(files.get(path)?.length, (count - 1) * packetBytes)
  })
})

it("a last packet without an end, as a crashed tracer leaves it, stays as it is", () => {
  const files = damaged(count - 1, { timestampEnd: 0n })
  const wanted = Buffer.from(files.get(path) as Uint8Array)
  files.delete(index)
  const { changes, report } = repaired(files)
  assert.deepStrictEqual([changes.map(({ kind }) => kind), Check.isDamaged(report)], [["write"], false])
  assert.isTrue(wanted.equals(files.get(path) as Uint8Array))
})

it("a packet with an end that no reader can tell, and no index to know better, is set aside once", () => {
  const files = damaged(1, { timestampEnd: 0x7fff_ffff_ffff_ffffn })
  files.delete(index)
  const bytes = Buffer.from(files.get(path) as Uint8Array).subarray(packetBytes, 2 * packetBytes)
  assert.isFalse(Check.isDamaged(repaired(files).report))
  assert.isTrue(bytes.equals(files.get(Aside.pathOf(path)) as Uint8Array))
  assert.deepStrictEqual(repaired(files).changes, [])
})

it("a record with one damaged member is what is wrong where its packet fits", () => {
  for (const [member] of cases) {
    const files = new Map(recorded)
    const bytes = Buffer.from(recorded.get(index) as Uint8Array)
    // Offset in a record: of packetSize, contentSize, the two times, streamInstanceId.
    const at = { packetSize: 8, contentSize: 16, timestampBegin: 24, timestampEnd: 32, streamInstanceId: 56 }[member]
    bytes.writeBigUInt64BE(bytes.readBigUInt64BE(16 + 72 + at) ^ 8n, 16 + 72 + at)
    files.set(index, bytes)
    repaired(files)
    assertWhole(files)
  }
})

Peers.describeWithPeers(["babeltrace2"], "babeltrace2", () => {
  it.live.each([
    ["timestampBegin", 1n],
    ["packetSize", 65536n]
  ] as const)("reads what was recorded after %s was damaged", ([member, value]) =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("heads")
      const files = damaged(1, { [member]: value })
      repaired(files)
      Trees.write(recorded, join(home, "right"))
      Trees.write(files, join(home, "repaired"))
      const text = yield* Babeltrace.linesOf(join(home, "repaired"))
      assert.isAbove(text.length, 0)
      assert.strictEqual(text, yield* Babeltrace.linesOf(join(home, "right")))
    })
  )
})
