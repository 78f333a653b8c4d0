/**
 * A segment that loses its packets beside a reader that sends the journal.
 * Goal: the reader finds all that was not dropped, and of what it has begun to send nothing is.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as About from "../../src/edge/journal/About.ts"
import type { Journal } from "../../src/edge/journal/Journal.ts"
import { JournalReader } from "../../src/edge/journal/JournalReader.ts"
import { draftSuffix } from "../../src/edge/journal/Segments.ts"
import { thin } from "../../src/edge/spool/Thinning.ts"
import * as PacketHeader from "../../src/protocol/data/PacketHeader.ts"
import { headBytes, Kind, offsets } from "../../src/protocol/journal/Record.ts"
import { FaultyFiles } from "../../src/storage/FaultyFiles.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as PeerBytes from "../../src/testing/PeerBytes.ts"
import { until } from "../../src/testing/Waiting.ts"
import { turns } from "../support/turns.ts"
import * as Outward from "./outward.ts"
import * as Spools from "./spools.ts"

const packetBytes = 100_000
const part = (bytes: Buffer) => ({ bytes, from: 0, to: bytes.length })

/** Packets with their indexes, in records of two each, from `from` on. */
const packets = (journal: Journal, from: number, count: number) =>
  Effect.gen(function* () {
    for (let seq = from; seq < from + count; seq++) {
      const header = Buffer.from(PeerBytes.packetHeader(1n, seq, packetBytes, 0))
      const index = PeerBytes.message(PeerBytes.numbers.SEND_INDEX, PeerBytes.sendIndex(13, 1n, { seq, bytes: 1 }))
      journal.append(Kind.packet, 1, part(header), part(Buffer.alloc(packetBytes)))
      journal.append(Kind.command, 2, part(Buffer.from(index)))
      journal.writing.flush()
      yield* Spools.written(journal)
    }
  })

/** Sequence numbers of the packets that the reader finds until it has all. */
const found = (journal: Journal, reader: JournalReader) =>
  Effect.gen(function* () {
    const sequences: Array<number> = []
    while (!reader.isAtEnd) {
      const { bytes, from, release, to } = yield* reader.read
      for (let at = from; at < to; at += headBytes + bytes.readUInt32BE(at + offsets.byteCount)) {
        if (bytes.readUInt16BE(at + offsets.kind) === Kind.packet) {
          sequences.push(Number(bytes.readBigUInt64BE(at + headBytes + PacketHeader.offsets.netSeqNum)))
        }
      }
      release()
    }
    assert.strictEqual(journal.written, journal.last)
    return sequences
  })

const packetCount = 40
const all = Array.from({ length: packetCount }, (_, seq) => seq)

describe("while a journal is sent", () => {
  it.live("a segment of which a part is sent keeps what was added to it since", () =>
    Effect.gen(function* () {
      const journal = Spools.open(yield* Spools.make())
      const reader = new JournalReader(journal, 1)
      yield* packets(journal, 0, 1)
      const before = yield* found(journal, reader)
      yield* packets(journal, 1, packetCount - 1)
      let droppedCount = 0
      for (
        let dropped = yield* thin(journal, Number.POSITIVE_INFINITY);
        dropped !== undefined;
        dropped = yield* thin(journal, Number.POSITIVE_INFINITY)
      ) {
        droppedCount += dropped.packetCount
      }
      const sequences = [...before, ...(yield* found(journal, reader))]
      assert.isAbove(droppedCount, 0)
      assert.strictEqual(sequences.length, packetCount - droppedCount)
      assert.deepStrictEqual(sequences.slice(0, 10), all.slice(0, 10))
    })
  )

  it.live("nothing is read of a segment that is being rewritten", () =>
    Effect.gen(function* () {
      const files = new FaultyFiles(new MemoryFiles().service)
      const journal = Spools.open(yield* Spools.make(files.service))
      yield* packets(journal, 0, packetCount)
      const release = files.stall(draftSuffix)
      const thinning = yield* Effect.forkChild(thin(journal, Number.POSITIVE_INFINITY))
      yield* until("it to be rewritten", () => files.stalledCount > 0)
      const reader = new JournalReader(journal, 1)
      assert.isUndefined(reader.lend())
      const reading = yield* Effect.forkChild(found(journal, reader))
      yield* turns(10)
      yield* release
      const dropped = (yield* Fiber.join(thinning))?.packetCount ?? assert.fail()
      assert.isAbove(dropped, 0)
      assert.deepStrictEqual(yield* Fiber.join(reading), all.slice(dropped))
    })
  )

  it.live("it is put down of each segment that something of it is sent, so that a later edge drops nothing of it", () =>
    Effect.gen(function* () {
      const { files, spool } = yield* Outward.start({})
      const journal = Spools.open(spool)
      yield* packets(journal, 0, packetCount)
      yield* until("all to be sent", () => journal.sent === journal.last)
      const { directory } = journal.home
      const newest = journal.segments.all.at(-1)?.first ?? 0
      assert.isAbove(newest, 1)
      assert.strictEqual(yield* About.sent(files, directory), newest)
    })
  )
})
