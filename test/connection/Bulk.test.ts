/**
 * Large packets among small ones, on both ways to a file: handed over, and written at once where files lie in memory.
 * Bytes are those sent, in order, across files of a ring, short reads, padding and a store that is full.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CtfIndex from "../../src/protocol/CtfIndex.ts"
import * as Commands from "../sidebyside/commands.ts"
import { output } from "../storage/stores.ts"
import { turns, until } from "../support/turns.ts"
import { assertNothingLeft, media, type PeerDouble, packet, type Relay, withRelay } from "./doubles.ts"

/** Small, just below and above what counts as large, larger than one write, larger than one read. */
const sizes = [16, 100_000, 5000, 32_767, 32_768, 250_000, 700_000, 1, 131_072, 64, 40_000, 300_000]
const paddingOf = (seq: number) => (seq % 5 === 0 ? 3000 : seq % 7 === 0 ? 90_000 : 0)
const sizeOf = (seq: number) => sizes[seq % sizes.length] as number
const wholeSizeOf = (seq: number) => sizeOf(seq) + paddingOf(seq)

const directory = (path: string) => `${output}/${path}/ust/uid/0/64-bit`
const fileOf = (relay: Relay, path: string, name: string) => relay.memory.read(`${directory(path)}/${name}`)

/** Every packet's bytes, padding included. */
const bytesOf = (seqs: ReadonlyArray<number>) =>
  Buffer.concat(seqs.flatMap((seq) => [Commands.payload(sizeOf(seq), seq), Buffer.alloc(paddingOf(seq))]))

/** The packets that each file of a ring that never turns gets: a file is left when the next does not fit. */
const filesOf = (count: number, fileSize: number) => {
  const files: Array<Array<number>> = [[]]
  let used = 0
  for (let seq = 0; seq < count; seq++) {
    if (used + sizeOf(seq) > fileSize) {
      files.push([])
      used = 0
    }
    files.at(-1)?.push(seq)
    used += wholeSizeOf(seq)
  }
  return files
}

for (const readBytesMax of [512 * 1024, 65_483]) {
  it.live.each(media)(
    `packets of all sizes keep their bytes and places, read by ${readBytesMax}; files %s`,
    ([, medium]) =>
      withRelay(medium, (relay) =>
        Effect.gen(function* () {
          const c = yield* relay.control
          const d = yield* relay.data
          d.readBytesMax = readBytesMax
          relay.beside.cutEvery = 3
          const { path } = yield* c.session({ name: "bulk" })
          const fileSize = 800_000
          const stream = yield* c.addStream({ fileSize, fileCount: 100 })
          const count = 60
          for (let seq = 0; seq < count; seq++) {
            d.deliver(packet(stream, seq, sizeOf(seq), paddingOf(seq)))
            // As many as it takes from a large packet to its write, or fewer: its answer waits for no turn.
            yield* turns(seq % 6)
            assert.strictEqual(yield* c.index(stream, { seq, bytes: sizeOf(seq) }), 10)
          }
          while ((yield* c.isPending(stream, count - 1)) === 1);
          for (const [number, seqs] of filesOf(count, fileSize).entries()) {
            const data = fileOf(relay, path, `ch_0_${number}`)
            assert.isTrue(data?.equals(bytesOf(seqs)), `ch_0_${number}`)
            const index = fileOf(relay, path, `index/ch_0_${number}.idx`) ?? Buffer.alloc(0)
            const size = CtfIndex.recordSize(10)
            const offsets = seqs.map((_, at) => Number(index.readBigUInt64BE(CtfIndex.headerSize + at * size)))
            assert.deepStrictEqual(
              offsets,
              seqs.map((_, at) => bytesOf(seqs.slice(0, at)).length)
            )
          }
          assert.strictEqual(relay.beside.handedOverCount > 0, "hasWriter" in medium)
          c.peer.finish()
          d.finish()
          yield* assertNothingLeft(relay)
        })
      )
  )
}

it.live.each(media)(
  "packets of all sizes that came before a rotation are moved whole to the next trace chunk; files %s",
  ([, medium]) =>
    withRelay(medium, (relay) =>
      Effect.gen(function* () {
        const c = yield* relay.control
        const d = yield* relay.data
        const { path } = yield* c.session({ name: "bulk" })
        const stream = yield* c.addStream()
        const seqs = Array.from({ length: 14 }, (_, seq) => seq)
        for (const seq of seqs) d.deliver(packet(stream, seq, sizeOf(seq), paddingOf(seq)))
        assert.strictEqual(yield* c.index(stream, { seq: 0, bytes: sizeOf(0) }), 10)
        yield* c.createChunk(1)
        assert.strictEqual(yield* c.rotate(1, [[stream, 1]]), 10)
        for (const seq of seqs.slice(1)) yield* c.index(stream, { seq, bytes: sizeOf(seq) })
        while ((yield* c.isPending(stream, seqs.length - 1)) === 1);
        assert.isTrue(fileOf(relay, `${path}/.tmp_old_chunk`, "ch_0")?.equals(bytesOf([0])))
        assert.isTrue(fileOf(relay, `${path}/.tmp_new_chunk`, "ch_0")?.equals(bytesOf(seqs.slice(1))))
        c.peer.finish()
        d.finish()
        yield* assertNothingLeft(relay)
      })
    )
)

it.live("streams that have packets at the same time are written beside the loop, one that is alone is not", () =>
  withRelay({ hasWriter: true }, (relay) =>
    Effect.gen(function* () {
      const c = yield* relay.control
      const { path } = yield* c.session({ name: "company" })
      const peers: Array<PeerDouble> = []
      const streams: Array<bigint> = []
      for (let at = 0; at < 6; at++) {
        peers.push(yield* relay.data)
        streams.push(yield* c.addStream({ channel: `ch_${at}` }))
      }
      const size = 131_072
      const send = (at: number, seq: number) => peers[at]?.deliver(packet(streams[at] as bigint, seq, size))
      const pending = (at: number, seq: number) => c.isPending(streams[at] as bigint, seq)
      for (let seq = 0; seq < 5; seq++) {
        send(0, seq)
        yield* turns(4)
        yield* c.index(streams[0] as bigint, { seq, bytes: size })
        while ((yield* pending(0, seq)) === 1);
      }
      assert.strictEqual(relay.beside.handedOverCount, 0)
      const count = 20
      for (let seq = 0; seq < count; seq++) {
        for (let at = 1; at < streams.length; at++) send(at, seq)
        yield* turns(4)
        for (let at = 1; at < streams.length; at++) yield* c.index(streams[at] as bigint, { seq, bytes: size })
      }
      for (let at = 1; at < streams.length; at++) while ((yield* pending(at, count - 1)) === 1);
      assert.isAbove(relay.beside.handedOverCount, 0)
      const expected = Buffer.concat(Array.from({ length: count }, (_, seq) => Commands.payload(size, seq)))
      for (let at = 1; at < streams.length; at++) {
        assert.isTrue(fileOf(relay, path, `ch_${at}`)?.equals(expected), `ch_${at}`)
      }
      for (const peer of [c.peer, ...peers]) peer.finish()
      yield* assertNothingLeft(relay)
    })
  )
)

// A large packet is written before its record comes; a small one waits, and both are written in one call.
const toFill = [131_072, 5000].flatMap((size) => media.map(([name, medium]) => [name, size, medium] as const))
it.live.each(toFill)("a store that is full has the beginning, no record past it; files %s, of %s", ([, size, medium]) =>
  withRelay({ ...medium, bytesMax: 1_000_000 }, (relay) =>
    Effect.gen(function* () {
      const c = yield* relay.control
      const d = yield* relay.data
      const { path } = yield* c.session({ name: "full" })
      const stream = yield* c.addStream()
      for (let seq = 0; seq < 255 && !d.isClosed; seq++) {
        d.deliver(packet(stream, seq, size))
        yield* c.index(stream, { seq, bytes: size })
        yield* turns(4)
      }
      yield* until("data to be closed", () => d.isClosed)
      const data = fileOf(relay, path, "ch_0") ?? Buffer.alloc(0)
      assert.isAbove(data.length, 900_000)
      data.forEach((byte, at) => {
        if (byte !== Math.floor(at / size) + 1) assert.fail(`byte ${byte} at ${at}`)
      })
      const index = fileOf(relay, path, "index/ch_0.idx") ?? Buffer.alloc(0)
      const recordCount = Math.floor((index.length - CtfIndex.headerSize) / CtfIndex.recordSize(10))
      assert.isAtMost(recordCount * size, data.length)
      assert.lengthOf(
        relay.log.filter(({ text }) => text.includes("ENOSPC")),
        1
      )
      c.peer.finish()
      yield* assertNothingLeft(relay)
    })
  )
)
