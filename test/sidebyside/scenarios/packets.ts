/** The data connection, the pairing of packets and indexes, beacons and tracefile rings. */
import { Effect } from "effect"
import * as Commands from "../commands.ts"
import { opened, type Scenario, scenario } from "../scenario.ts"
import type * as Script from "../script.ts"

const { join, noSeq, packetHeader, payload } = Commands

/** Sends packet and index of each number in turn, each after the other is known to be in. */
const inTurn = ({ file, recorded }: Script.Recording, stream: bigint, seqs: ReadonlyArray<number>) =>
  Effect.forEach(seqs, (seq, at) => recorded(stream, seq, file("ch_0"), 16 * (at + 1)), { discard: true })

export const packets: ReadonlyArray<Scenario> = [
  ...[4, 7, 8, 10].map((minor) =>
    scenario(`packets and indexes of minor ${minor}`, function* (s) {
      const { c, d } = yield* s.recording({ minor })
      const stream = yield* c.addStream({ path: "/vm/old/kernel" })
      yield* d.packet(stream, 0, 20, 12)
      yield* s.fileSize("vm/old/kernel/ch_0", 32)
      yield* c.index(stream, { seq: 0, bytes: 32 })
      yield* c.index(stream, { seq: 1, bytes: 16 })
      yield* d.packet(stream, 1)
      yield* s.fileSize("vm/old/kernel/ch_0", 48)
      yield* c.dataPending(stream, 1)
      yield* c.closeStream(stream, 1)
    })
  ),
  scenario("packets, each followed by its index", function* (s) {
    const recording = yield* s.recording()
    const stream = yield* recording.c.addStream()
    yield* inTurn(recording, stream, [0, 1, 2, 3])
    yield* recording.c.closeStream(stream, 3)
  }),
  scenario("indexes before their packets", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    for (const seq of [0, 1, 2]) yield* c.index(stream, { seq, packetSeq: seq + 100, streamClass: 3 })
    for (const seq of [0, 1, 2]) yield* d.packet(stream, seq)
    yield* s.fileSize(file("ch_0"), 48)
    yield* c.dataPending(stream, 2)
    yield* c.closeStream(stream, 2)
  }),
  scenario("all packets before their indexes, indexes in another order", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    for (const seq of [0, 1, 2, 3]) yield* d.packet(stream, seq, 16, seq)
    yield* s.fileSize(file("ch_0"), 64 + 6)
    for (const seq of [2, 0, 3, 1]) yield* c.index(stream, { seq, discarded: seq * 7 })
    yield* c.dataPending(stream, 3)
    yield* c.closeStream(stream, 3)
  }),
  scenario("sequence numbers that start anywhere and leave gaps", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    for (const seq of [1000, 7, 2 ** 40]) yield* c.index(stream, { seq })
    for (const seq of [1000n, 7n, 2n ** 40n]) yield* d.packet(stream, seq)
    yield* s.fileSize(file("ch_0"), 48)
    yield* c.dataPending(stream, 2 ** 40)
    yield* c.closeStream(stream, 2 ** 40)
  }),
  scenario("an index for the same packet twice is refused and closes", function* (s) {
    const { c } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* c.index(stream, { seq: 4 })
    yield* c.refused("SEND_INDEX", Commands.sendIndex(13, stream, { seq: 4 }))
  }),
  scenario("an index for an unknown stream is refused and closes", function* (s) {
    const { c } = yield* s.recording()
    yield* c.refused("SEND_INDEX", Commands.sendIndex(13, 8n, { seq: 0 }))
  }),
  scenario("a packet with the number of one that still waits for its index closes the data connection", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* d.packet(stream, 4)
    yield* s.fileSize(file("ch_0"), 16)
    yield* d.packet(stream, 4)
    yield* d.closes()
    yield* c.refused("SEND_INDEX", Commands.sendIndex(13, stream, { seq: 4 }))
  }),
  scenario("a number used again after its record was written is a new packet", function* (s) {
    const recording = yield* s.recording()
    const { c, d, file } = recording
    const stream = yield* c.addStream()
    yield* inTurn(recording, stream, [0])
    yield* d.packet(stream, 0, 8)
    yield* s.fileSize(file("ch_0"), 24)
    yield* c.index(stream, { seq: 0, bytes: 8 })
    yield* c.dataPending(stream, 0)
  }),
  scenario("beacons are answered and write nothing", function* (s) {
    const recording = yield* s.recording({ liveTimer: 1000 })
    const { c } = recording
    const stream = yield* c.addStream()
    yield* c.index(stream, { seq: 0, bytes: 0, end: 55 })
    yield* inTurn(recording, stream, [0])
    yield* c.index(stream, { seq: 0, bytes: 0, end: 99 })
    yield* c.index(stream, { seq: 0, bytes: 0, end: 100 })
    yield* c.dataPending(stream, 0)
    yield* c.closeStream(stream, 0)
  }),
  scenario("padding becomes zeros in the file", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* d.packet(stream, 0, 1, 99)
    yield* d.packet(stream, 1, 100, 0)
    yield* d.packet(stream, 2, 10, 1)
    yield* s.fileSize(file("ch_0"), 211)
    for (const [seq, bytes] of [100, 100, 11].entries()) yield* c.index(stream, { seq, bytes })
  }),
  scenario("a padding of 48 MiB, a payload of 24 MiB", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    const padding = 48 * 1024 * 1024 + 3
    const size = 24 * 1024 * 1024 + 1
    yield* d.packet(stream, 0, 4, padding)
    yield* s.fileSize(file("ch_0"), 4 + padding)
    yield* c.index(stream, { seq: 0, bytes: 4 + padding })
    yield* d.packet(stream, 1, size, 2)
    yield* s.fileSize(file("ch_0"), 4 + padding + size + 2)
    yield* c.index(stream, { seq: 1, bytes: size + 2 })
    yield* c.dataPending(stream, 1)
  }),
  scenario("packets byte by byte", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    const bytes = join(packetHeader(stream, 0, 5, 3), payload(5, 0), packetHeader(stream, 1, 4, 0), payload(4, 1))
    for (const byte of bytes) yield* d.raw(Uint8Array.of(byte))
    yield* s.fileSize(file("ch_0"), 12)
    yield* c.index(stream, { seq: 0, bytes: 8 })
    yield* c.index(stream, { seq: 1, bytes: 4 })
  }),
  scenario("many packets of two streams in one write", function* (s) {
    const { c, d, file } = yield* s.recording()
    const a = yield* c.addStream({ channel: "a_0" })
    const b = yield* c.addStream({ channel: "b_0" })
    const all = Array.from({ length: 40 }, (_, seq) =>
      join(packetHeader(seq % 2 === 0 ? a : b, seq >> 1, 6, 2), payload(6, seq))
    )
    yield* d.raw(join(...all))
    yield* s.fileSize(file("a_0"), 160)
    yield* s.fileSize(file("b_0"), 160)
    for (let seq = 0; seq < 20; seq += 1) {
      yield* c.index(a, { seq, bytes: 8 })
      yield* c.index(b, { seq, bytes: 8 })
    }
  }),
  scenario("the first bytes of a packet are in the file before the last have come", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* d.raw(join(packetHeader(stream, 0, 20, 12), Buffer.alloc(7, 1)))
    yield* s.fileSize(file("ch_0"), 7)
    yield* s.tree("part")
    yield* d.raw(Buffer.alloc(13, 2))
    yield* s.fileSize(file("ch_0"), 32)
    yield* c.index(stream, { seq: 0, bytes: 32 })
  }),
  scenario("data for an unknown or closed stream closes the data connection", function* (s) {
    const { c, d } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* d.packet(44n, 0)
    yield* d.closes()
    yield* c.closeStream(stream, noSeq)
    const other = yield* s.data
    yield* other.packet(stream, 0)
    yield* other.closes()
    yield* c.alive
  }),
  scenario("one data connection may carry packets of several sessions", function* (s) {
    const a = yield* s.recording({ name: "a" })
    const b = yield* s.recording({ name: "b" })
    const streamA = yield* a.c.addStream()
    const streamB = yield* b.c.addStream()
    yield* a.d.packet(streamA, 0)
    yield* a.d.packet(streamB, 0)
    yield* s.fileSize(a.file("ch_0"), 16)
    yield* s.fileSize(b.file("ch_0"), 16)
    yield* a.c.index(streamA, { seq: 0 })
    yield* b.c.index(streamB, { seq: 0 })
    yield* a.d.close
    yield* b.d.packet(streamB, 1)
    yield* s.fileSize(b.file("ch_0"), 32)
  }),
  scenario("packets of one stream over two data connections", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    const other = yield* s.data
    yield* d.packet(stream, 0)
    yield* s.fileSize(file("ch_0"), 16)
    yield* other.packet(stream, 1)
    yield* s.fileSize(file("ch_0"), 32)
    yield* c.index(stream, { seq: 0 })
    yield* c.index(stream, { seq: 1 })
  }),
  scenario("a snapshot session writes no index", function* (s) {
    const { c, d, session } = yield* s.recording({ snapshot: true, chunk: "none" })
    yield* c.createChunk(3, Commands.start + 1, "snapshot-1-20231114-221321-0")
    const stream = yield* c.addStream()
    yield* c.closeStream(stream, 101)
    yield* d.packet(stream, 100)
    yield* d.packet(stream, 101)
    yield* s.fileSize(`${session.path}/snapshot-1-20231114-221321-0/ust/uid/0/64-bit/ch_0`, 32)
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.metadata(metadata, Buffer.from("meta"))
    yield* c.closeStream(metadata, noSeq)
    yield* c.closeChunk(3, Commands.start + 2)
    yield* c.endPending(session.id)
    yield* c.chunkExists(3)
  }),
  scenario("a tracefile ring: files by size without padding, wrapped, indexes beside", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream({ fileSize: 36, fileCount: 3 })
    const where = [
      ["ch_0_0", 20],
      ["ch_0_0", 40],
      ["ch_0_1", 20],
      ["ch_0_1", 40],
      ["ch_0_2", 20],
      ["ch_0_2", 40],
      ["ch_0_0", 20],
      ["ch_0_0", 40],
      ["ch_0_1", 20]
    ] as const
    for (const [seq, [name, size]] of where.entries()) {
      yield* d.packet(stream, seq, 16, 4)
      yield* s.fileSize(file(name), size)
      yield* c.index(stream, { seq, bytes: 20 })
      if (seq === 5) {
        yield* c.dataPending(stream, seq)
        yield* s.tree("full")
      }
    }
    yield* c.dataPending(stream, 8)
    yield* c.closeStream(stream, 8)
  }),
  scenario("a tracefile ring of one file keeps the newest", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream({ fileSize: 24, fileCount: 1 })
    for (const seq of [0, 1, 2]) {
      const bytes = 16 + seq
      yield* d.packet(stream, seq, bytes)
      yield* s.fileSize(file("ch_0_0"), bytes)
      yield* c.index(stream, { seq, bytes })
      yield* c.dataPending(stream, seq)
    }
  }),
  scenario("a packet larger than a tracefile gets one of its own after an empty first file", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream({ fileSize: 10, fileCount: 4 })
    yield* d.packet(stream, 0, 16)
    yield* s.fileSize(file("ch_0_1"), 16)
    yield* c.index(stream, { seq: 0 })
    yield* d.packet(stream, 1, 16)
    yield* s.fileSize(file("ch_0_2"), 16)
    yield* c.index(stream, { seq: 1 })
  }),
  scenario("a tracefile count without a size is no ring", function* (s) {
    const recording = yield* s.recording()
    const stream = yield* recording.c.addStream({ fileSize: 0, fileCount: 2 })
    yield* inTurn(recording, stream, [0, 1, 2])
  }),
  scenario("indexes that come after the ring moved on go to the file of their packet", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream({ fileSize: 16, fileCount: 3 })
    for (const seq of [0, 1, 2]) {
      yield* d.packet(stream, seq)
      yield* s.fileSize(file(`ch_0_${seq}`), 16)
    }
    for (const seq of [0, 1, 2]) yield* c.index(stream, { seq })
    yield* c.dataPending(stream, 2)
  }),
  scenario(
    "an index that comes when another packet is taking the place of its own has no record",
    function* (s) {
      const { c, d, file } = yield* s.recording({ basePath: "b" })
      const stream = yield* c.addStream({ fileSize: 16, fileCount: 2 })
      for (const seq of [0, 1]) yield* d.packet(stream, seq)
      yield* s.fileSize(file("ch_0_1"), 16)
      yield* d.raw(join(packetHeader(stream, 2, 16, 0), payload(5, 2)))
      yield* s.fileSize(file("ch_0_0"), 5)
      yield* c.index(stream, { seq: 0 })
      yield* c.index(stream, { seq: 1 })
      yield* c.dataPending(stream, 1)
    },
    {
      oursOnly: {
        reason: "2.13.9 writes one that points at the other",
        tree: [
          "h/ 0750",
          "h/b/ 0750",
          "h/b/ust/ 0750",
          "h/b/ust/uid/ 0750",
          "h/b/ust/uid/0/ 0750",
          "h/b/ust/uid/0/64-bit/ 0750",
          `h/b/ust/uid/0/64-bit/ch_0_0 0640 5 ${payload(5, 2).toString("hex")}`,
          `h/b/ust/uid/0/64-bit/ch_0_1 0640 16 ${payload(16, 1).toString("hex")}`,
          "h/b/ust/uid/0/64-bit/index/ 0750",
          "h/b/ust/uid/0/64-bit/index/ch_0_0.idx 0640 16 c1f1dcc1000000010000000100000048",
          `h/b/ust/uid/0/64-bit/index/ch_0_1.idx 0640 88 ${[
            "c1f1dcc1000000010000000100000048",
            "00000000000000000000000000000080000000000000008000000000000003f200000000000003fb",
            "0000000000000000000000000000000000000000000000070000000000000001"
          ].join("")}`
        ]
      }
    }
  ),
  scenario(
    "a packet without payload is complete at once",
    function* (s) {
      const { c, d, file } = yield* s.recording({ basePath: "b" })
      const stream = yield* c.addStream()
      yield* d.packet(stream, 0, 0, 8)
      yield* s.fileSize(file("ch_0"), 8)
      yield* c.index(stream, { seq: 0, bytes: 8 })
      yield* c.dataPending(stream, 0)
    },
    {
      oursOnly: {
        reason: "2.13.9 completes it only when further bytes arrive",
        transcript: [
          ...opened("h/b"),
          "C1 ADD_STREAM → 00000000000000010000000a",
          "C1 SEND_INDEX → 0000000a",
          "C1 DATA_PENDING → 00000000"
        ]
      }
    }
  ),
  scenario("packets without payload are complete when the next packet comes", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* d.packet(stream, 0, 0, 8)
    yield* d.packet(stream, 1, 0, 0)
    yield* d.packet(stream, 2, 4, 0)
    yield* s.fileSize(file("ch_0"), 12)
    for (const [seq, bytes] of [8, 8, 4].entries()) yield* c.index(stream, { seq, bytes })
    yield* c.dataPending(stream, 2)
  })
]
