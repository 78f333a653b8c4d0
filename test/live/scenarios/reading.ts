/** Indexes, packets and metadata of streams that go on. */
import { begun, type Scenario, scenario } from "../scenario.ts"

export const reading: ReadonlyArray<Scenario> = [
  scenario("indexes one by one, then nothing; unread ones win over a later beacon", function* (s) {
    const { stream, meta } = yield* begun(s)
    const viewer = yield* s.viewing("beginning")
    yield* viewer.next(stream.id)
    yield* viewer.next(meta.id)
    yield* viewer.next(meta.id)
    yield* viewer.next(77)
    yield* stream.packet(0, { bytes: 32, index: { begin: 10, end: 20, discarded: 3, streamClass: 5 } })
    yield* stream.packet(1, { index: { begin: 21, end: 30, discarded: 4, streamClass: 5 } })
    yield* stream.beacon(99)
    for (let count = 0; count < 4; count++) yield* viewer.nextUntilKnown(stream.id)
    yield* stream.beacon(120)
    yield* viewer.nextUntilKnown(stream.id, 120)
    yield* stream.packet(2)
    yield* viewer.next(stream.id)
    yield* viewer.next(stream.id)
  }),
  scenario(
    "a half received packet: the beacon is over with its index, and none counts until it is whole",
    function* (s) {
      const { tracer, stream } = yield* begun(s)
      yield* stream.packet(0)
      yield* stream.beacon(50)
      const viewer = yield* s.viewing("beginning")
      yield* viewer.next(stream.id)
      yield* viewer.nextUntilKnown(stream.id, 50)
      yield* stream.data(1)
      yield* viewer.next(stream.id)
      yield* stream.beacon(60)
      yield* viewer.next(stream.id)
      yield* stream.index(1)
      yield* viewer.next(stream.id)
      yield* viewer.next(stream.id)
      yield* stream.beacon(70)
      yield* viewer.nextUntilKnown(stream.id, 70)
      yield* tracer.c.index(stream.id, { seq: 2 })
      yield* viewer.next(stream.id)
      yield* stream.beacon(80)
      yield* viewer.next(stream.id)
      yield* tracer.d.packet(stream.id, 2)
      yield* s.fileSize(tracer.file("index/ch_0.idx"), 16 + 3 * 72)
      yield* viewer.next(stream.id)
      yield* viewer.next(stream.id)
    }
  ),
  scenario("packets by their place, before an index was asked for", function* (s) {
    const { tracer, stream, meta } = yield* begun(s)
    yield* tracer.metadata(meta, 0x6d, 40, 40)
    for (const seq of [0, 1]) yield* stream.packet(seq, { bytes: 16 * (seq + 1) })
    for (const seek of ["beginning", "last"] as const) {
      const viewer = yield* s.viewing(seek)
      for (const { id } of [stream, meta]) {
        for (const [offset, length] of [
          [0, 0],
          [0, 16],
          [8, 32],
          [40, 9]
        ] as const) {
          yield* viewer.packet(id, offset, length)
        }
      }
      yield* viewer.detach(1)
      yield* viewer.close
    }
  }),
  scenario("packets: whole, in parts, beyond, of no stream", function* (s) {
    const { stream, meta } = yield* begun(s)
    for (const seq of [0, 1, 2]) yield* stream.packet(seq, { bytes: 100 })
    const viewer = yield* s.viewing("beginning")
    yield* viewer.next(stream.id)
    for (const [offset, length] of [
      [0, 100],
      [0, 1],
      [99, 1],
      [40, 20],
      [90, 20],
      [0, 300],
      [200, 100],
      [0, 0],
      [1_000_000, 0],
      [200, 101],
      [300, 1],
      [5000, 4]
    ] as const) {
      yield* viewer.packet(stream.id, offset, length)
    }
    yield* viewer.packet(stream.id, 2n ** 63n, 1)
    yield* viewer.packet(99, 0, 16)
    yield* viewer.packet(meta.id + 50n, 0, 16)
    yield* viewer.next(stream.id)
    yield* viewer.packet(stream.id, 100, 100)
    yield* viewer.packet(stream.id, 0, 100)
  }),
  scenario("packets that arrive under an attached viewer", function* (s) {
    const { stream } = yield* begun(s)
    const viewer = yield* s.viewing("last")
    yield* stream.packet(0, { bytes: 100 })
    yield* viewer.next(stream.id)
    yield* viewer.packet(stream.id, 0, 100)
    yield* viewer.packet(stream.id, 50, 10)
    yield* stream.packet(1, { bytes: 50 })
    yield* viewer.packet(stream.id, 50, 100)
    yield* viewer.next(stream.id)
    yield* viewer.packet(stream.id, 100, 50)
    yield* viewer.packet(stream.id, 0, 100)
    yield* viewer.packet(stream.id, 100, 51)
    yield* stream.packet(2, { bytes: 700_000 })
    yield* viewer.next(stream.id)
    yield* viewer.packet(stream.id, 150, 700_000)
    yield* viewer.packet(stream.id, 600_000, 100_000)
  }),
  scenario("seek last skips what is there, wherever the stream stands", function* (s) {
    const tracer = yield* s.tracer()
    const none = yield* tracer.stream("none")
    const some = yield* tracer.stream("some")
    const half = yield* tracer.stream("half")
    yield* tracer.stream("metadata")
    yield* tracer.c.streamsSent
    for (const seq of [0, 1, 2]) yield* some.packet(seq)
    yield* half.packet(0)
    yield* half.data(1)
    const viewer = yield* s.viewing("last")
    for (const stream of [none, some, half]) yield* viewer.next(stream.id)
    yield* none.packet(0)
    yield* some.packet(3)
    yield* half.index(1)
    for (const stream of [none, some, half]) {
      yield* viewer.nextUntilKnown(stream.id)
      yield* viewer.next(stream.id)
    }
  }),
  scenario("many packets are read from the beginning", function* (s) {
    const { tracer, stream } = yield* begun(s)
    for (let seq = 0; seq < 200; seq++) {
      yield* tracer.d.packet(stream.id, seq, 16)
    }
    yield* s.fileSize(tracer.file("ch_0"), 200 * 16)
    for (let seq = 0; seq < 200; seq++) yield* tracer.c.index(stream.id, { seq, packetSeq: seq })
    yield* s.fileSize(tracer.file("index/ch_0.idx"), 16 + 200 * 72)
    const viewer = yield* s.viewing("beginning")
    for (let seq = 0; seq < 201; seq++) {
      yield* viewer.next(stream.id)
      if (seq % 50 === 0) yield* viewer.packet(stream.id, seq * 16, 16)
    }
  }),
  scenario("metadata: none yet, some, more, padded; told on every index until it was fetched", function* (s) {
    const { tracer, stream, meta } = yield* begun(s)
    const viewer = yield* s.viewing("last")
    yield* viewer.metadata(meta.id)
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
    yield* tracer.metadata(meta, 0x41, 30, 30)
    yield* viewer.next(stream.id)
    yield* viewer.next(stream.id)
    yield* viewer.metadata(meta.id)
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
    yield* stream.packet(0)
    yield* tracer.metadata(meta, 0x42, 5, 35)
    yield* tracer.c.metadata(meta.id, Buffer.alloc(7, 0x43), 4)
    yield* s.fileSize(tracer.file("metadata"), 46)
    yield* viewer.next(stream.id)
    yield* viewer.metadata(meta.id)
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
    yield* viewer.metadata(stream.id)
    yield* viewer.metadata(88)
  }),
  scenario("large metadata comes in one answer", function* (s) {
    const tracer = yield* s.tracer()
    const meta = yield* tracer.stream("metadata")
    yield* tracer.c.streamsSent
    for (let part = 1; part <= 5; part++) yield* tracer.metadata(meta, part, 300_000, part * 300_000)
    const viewer = yield* s.viewing("last")
    yield* viewer.metadata(meta.id)
    yield* viewer.metadata(meta.id)
  })
]
