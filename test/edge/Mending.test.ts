/** One bit of a short record in the spool is wrong: nothing is lost by that, and the log says so. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { checksums } from "../../src/edge/journal/Checksums.ts"
import { isMended } from "../../src/edge/journal/Mending.ts"
import { headBytes, isWhole, Kind, offsets, seal } from "../../src/protocol/journal/Record.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import * as Local from "./Local.ts"

const recordOf = (byteCount: number) => {
  const bytes = Buffer.alloc(headBytes + byteCount, 0x5a)
  seal(bytes, 0, { number: 7, byteCount, kind: Kind.handle, connection: 1 }, checksums)
  return bytes
}

const flip = (bytes: Buffer, bit: number) => {
  const at = headBytes + (bit >> 3)
  bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7))
}

describe("a record in the spool", () => {
  it("is put right, whichever of its bits is wrong", () => {
    const good = recordOf(8)
    for (let bit = 0; bit < 64; bit++) {
      const bytes = Buffer.from(good)
      flip(bytes, bit)
      assert.isFalse(isWhole(bytes, 0, checksums))
      assert.isTrue(isMended(bytes, 0))
      assert.deepStrictEqual(bytes, good)
    }
  })

  it("stays as it is if two bits are wrong, or if it is long", () => {
    for (const [byteCount, bits] of [
      [8, [3, 40]],
      [129, [3]]
    ] as const) {
      const bytes = recordOf(byteCount)
      for (const bit of bits) flip(bytes, bit)
      const before = Buffer.from(bytes)
      assert.isFalse(isMended(bytes, 0))
      assert.deepStrictEqual(bytes, before)
    }
  })

  it.live("that gives a stream its handle costs no stream, also where others follow", () => {
    const { codes, layer, lines } = logged()
    return Effect.gen(function* () {
      const files = new MemoryFiles()
      const [first, relay] = [yield* Scope.make(), yield* TestRelay.make()]
      const before = yield* Scope.provide(Local.start({ controlPort: 1, dataPort: 1, files: files.service }), first)
      const { c, d, file } = yield* Script.make(before, relay.output, () => {}).recording()
      const streams = [yield* c.addStream({ channel: "ch_0" }), yield* c.addStream({ channel: "ch_1" })]
      for (const [at, stream] of streams.entries()) {
        yield* d.packet(stream, 0, 16 * (at + 1))
        yield* c.index(stream, { seq: 0 })
        yield* c.closeStream(stream, 0)
      }
      yield* c.close
      yield* d.close
      const [journal = assert.fail()] = before.edge.spool.journals.values()
      yield* until("all of it to be written", () => journal.isFinished && journal.written === journal.last)
      yield* Scope.close(first, Exit.void)
      const [path = assert.fail()] = files.paths("/spool").filter((one) => one.endsWith(".journal"))
      const bytes = Buffer.from(files.read(path) ?? [])
      let at = 0
      while (bytes.readUInt16BE(at + offsets.kind) !== Kind.handle)
        at += headBytes + bytes.readUInt32BE(at + offsets.byteCount)
      flip(bytes.subarray(at), 60)
      files.write(path, bytes)
      const local = yield* Local.start({ ...relay, files: files.service })
      yield* local.forwarded
      assert.deepStrictEqual([relay.output.size(file("ch_0")), relay.output.size(file("ch_1"))], [16, 32])
      assert.include(codes, "SPOOL_DAMAGED")
      assert.include(lines.join("\n"), "is damaged: one bit, put right")
    }).pipe(Effect.provide(layer))
  })
})
