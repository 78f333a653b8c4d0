/**
 * Traces really recorded by LTTng, replayed: what the relay stores is the recording again, byte for byte, through the
 * installed relay and through ours.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CtfTrace from "../../src/ctf/CtfTrace.ts"
import * as Replay from "../../src/target/Replay.ts"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import * as Target from "../../src/target/Target.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Relays from "../support/relays.ts"
import * as Tree from "../support/tree.ts"

const targetOf = (relay: Relays.Relay) =>
  Target.make({ url: `net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`, hostname: "host1" })

interface Shape {
  readonly create?: ReadonlyArray<string>
  readonly channel?: ReadonlyArray<string>
  /** Between start and destroy. */
  readonly trace: (tracing: Lttng.Tracing) => Effect.Effect<void, unknown>
}

const shapes: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ["plain", { trace: ({ emit }) => emit({ count: 20_000, tockEvery: 10 }) }],
  [
    "per-process buffers",
    {
      channel: ["--buffers-pid"],
      trace: ({ emit }) =>
        Effect.all(
          [1, 2].map((source) => emit({ count: 3000, source })),
          { discard: true }
        )
    }
  ],
  [
    "tracefile ring that wrapped",
    {
      channel: ["--tracefile-size=32768", "--tracefile-count=3"],
      trace: ({ emit }) => emit({ count: 20_000, cpu: 0 })
    }
  ],
  [
    "rotated twice",
    {
      trace: ({ emit, lttng }) =>
        Effect.gen(function* () {
          yield* emit({ count: 2000 })
          yield* lttng("rotate")
          yield* emit({ count: 3000 })
          yield* lttng("rotate")
          yield* emit({ count: 10 })
        })
    }
  ],
  ["live", { create: ["--live=100000"], trace: ({ emit }) => emit({ count: 200, sleepMicros: 2000 }) }],
  ["without events", { trace: ({ emit }) => emit({ count: 0 }) }]
])

const recordShape = (shape: Shape) =>
  Effect.gen(function* () {
    const relay = yield* Relays.start("reference")
    const tracing = yield* Lttng.start
    const { lttng } = tracing
    const { channel = [], create = [] } = shape
    yield* Lttng.record(tracing, relay, "made", { create, channel: ["--subbuf-size=16k", ...channel] })
    yield* shape.trace(tracing)
    yield* lttng("destroy")
    return Babeltrace.sessionDirectory(relay.output, "made")
  })

const assertSame = (actual: string, expected: string) => {
  const contents = (root: string) => Tree.files(root).map((path) => ({ path, bytes: readFileSync(join(root, path)) }))
  const [found, wanted] = [contents(actual), contents(expected)]
  assert.deepStrictEqual(
    found.map(({ path, bytes }) => `${path} ${bytes.length}`),
    wanted.map(({ path, bytes }) => `${path} ${bytes.length}`)
  )
  found.forEach(({ path, bytes }, index) => {
    assert.isTrue(bytes.equals(wanted[index]?.bytes as Buffer), `${path} differs`)
  })
  assert.isAbove(found.length, 0)
}

const replayed = (directory: string, kind: Relays.Kind, options: Replay.Options = {}) =>
  Effect.gen(function* () {
    const relay = yield* Relays.start(kind)
    const recording = yield* CtfTrace.open(directory)
    const { bytes, outputPath, packets } = yield* Replay.replay(recording, yield* targetOf(relay), options)
    assert.strictEqual(bytes, recording.byteCount)
    return { relay, packets, directory: join(relay.output, outputPath ?? "") }
  })

/** Neither a stream instance's id nor a packet's sequence number. */
const oldMetadata = `/* CTF 1.8 */
trace { major = 1; minor = 8; byte_order = le; packet.header := struct {
  integer { size = 32; } magic; integer { size = 8; } uuid[16]; integer { size = 32; } stream_id; }; };
clock { name = monotonic; freq = 1000000000; };
typealias integer { size = 64; map = clock.monotonic.value; } := stamp;
typealias integer { size = 64; } := count;
stream { id = 0; event.header := struct { integer { size = 32; } id; stamp timestamp; }; packet.context := struct {
  stamp timestamp_begin; stamp timestamp_end; count content_size; count packet_size; count events_discarded;
  integer { size = 32; } cpu_id; }; };
event { id = 0; name = "e"; stream_id = 0; fields := struct { count n; }; };
`

const peers = [...Peers.tracing, ...Peers.reference]

Peers.describeConcurrently(peers, "replaying a trace of the real LTTng", () => {
  for (const [name, shape] of shapes) {
    it.live(`${name}: the same files again`, () =>
      Effect.gen(function* () {
        const original = yield* recordShape(shape)
        for (const kind of ["reference", "ours"] as const) {
          const again = yield* replayed(original, kind)
          assertSame(again.directory, original)
        }
      })
    )
  }

  it.live("a live replay has the same files as the plain one", () =>
    Effect.gen(function* () {
      const original = yield* recordShape(shapes.get("plain") as Shape)
      for (const kind of ["reference", "ours"] as const) {
        assertSame((yield* replayed(original, kind, { liveTimer: "50 millis" })).directory, original)
      }
    })
  )

  it.live("one archived chunk alone, and one trace alone", () =>
    Effect.gen(function* () {
      const original = yield* recordShape(shapes.get("rotated twice") as Shape)
      const recording = yield* CtfTrace.open(original)
      assert.strictEqual(recording.chunks.length, 3)
      const chunk = recording.chunks[1]?.directory as string
      assertSame((yield* replayed(chunk, "reference")).directory, chunk)
      const trace = join(chunk, "ust/uid/0/64-bit")
      assertSame((yield* replayed(trace, "reference")).directory, chunk)
    })
  )
})

Peers.describeConcurrently(Peers.reference, "replaying other recordings", () => {
  const uuid = "01234567-89ab-cdef-0123-456789abcdef"

  /** A recording of five packets by a target of our own. */
  const synthetic = (options: Partial<Target.SessionOptions>, timestamps: (index: number) => bigint) =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("reference")
      const session = yield* (yield* targetOf(relay)).session({ name: "made", ...options })
      const stream = yield* session.stream({ path: "ust/pid/app-1", channel: "ch_0" })
      const metadata = yield* session.metadata("ust/pid/app-1")
      yield* session.publish
      yield* metadata.append(Buffer.from(SyntheticTrace.metadata(uuid)))
      const generator = SyntheticTrace.generator(uuid, 0, 1024, timestamps(0))
      for (let index = 1; index <= 5; index++) yield* stream.packet(generator.next(timestamps(index)))
      yield* session.close()
      return Babeltrace.sessionDirectory(relay.output, "made")
    })

  it.live("an index of the old format comes back in the old format", () =>
    Effect.gen(function* () {
      const original = yield* synthetic({ minor: 7 }, (index) => BigInt(index * 1000))
      const recording = yield* CtfTrace.open(original)
      assert.strictEqual(recording.chunks[0]?.traces[0]?.files[0]?.index, "1.0")
      for (const kind of ["reference", "ours"] as const) {
        const { relay } = yield* replayed(original, kind)
        assertSame(Babeltrace.sessionDirectory(relay.output, "made"), original)
      }
    })
  )

  it.live("a snapshot comes back as a snapshot; its packets are found without an index", () =>
    Effect.gen(function* () {
      const original = join(yield* synthetic({ snapshot: "snapshot-1" }, (index) => BigInt(index)), "snapshot-1")
      for (const kind of ["reference", "ours"] as const) {
        const { directory, packets } = yield* replayed(original, kind)
        assert.strictEqual(packets, 5)
        assertSame(join(directory, "snapshot-1"), original)
      }
    })
  )

  it.live(
    "packets as LTTng before 2.8 laid them out are found without an index: a live replay has viewers see them",
    () =>
      Effect.gen(function* () {
        const original = join(yield* Relays.temporaryDirectory("old"), "ust/pid/app-1")
        mkdirSync(original, { recursive: true })
        writeFileSync(join(original, "metadata"), oldMetadata)
        const packets = [10, 20, 30].map((begin) => {
          const bytes = Buffer.alloc(128)
          bytes.writeUInt32LE(0xc1fc1fc1, 0)
          const members = [begin, begin + 5, 68 * 8, 128 * 8, 0]
          for (const [at, value] of members.entries()) bytes.writeBigUInt64LE(BigInt(value), 24 + 8 * at)
          return bytes
        })
        writeFileSync(join(original, "ch_0"), Buffer.concat(packets))
        const { directory, packets: sent } = yield* replayed(original, "ours", { liveTimer: "100 millis" })
        assert.strictEqual(sent, 3)
        const [file] = (yield* CtfTrace.open(directory)).chunks.flatMap(({ traces }) =>
          traces.flatMap(({ files }) => files)
        )
        assert.deepStrictEqual(readFileSync(file?.location ?? ""), Buffer.concat(packets))
        assert.strictEqual(file?.index, "1.1")
        assert.deepStrictEqual(
          file?.packets.map(({ timestampBegin, timestampEnd }) => [timestampBegin, timestampEnd]),
          [10n, 20n, 30n].map((begin) => [begin, begin + 5n])
        )
      })
  )

  it.live("bytes that no index tells about are kept", () =>
    Effect.gen(function* () {
      const original = yield* synthetic({}, (index) => BigInt(index))
      writeFileSync(join(original, "ust/pid/app-1/ch_0"), "left behind", { flag: "a" })
      for (const kind of ["reference", "ours"] as const) {
        assertSame((yield* replayed(original, kind)).directory, original)
      }
    })
  )

  it.live("the recorded pace, scaled: no packet is sent before it is due", () =>
    Effect.gen(function* () {
      const original = yield* synthetic({}, (index) => BigInt(index) * 1_000_000_000n)
      const recording = yield* CtfTrace.open(original)
      const relay = yield* Relays.start("reference")
      const sent: Array<number> = []
      const start = performance.now()
      yield* Replay.replay(recording, yield* targetOf(relay), {
        speed: 8,
        onProgress: ({ packets }) => {
          sent[packets] ??= performance.now() - start
        }
      })
      for (let at = 1; at <= 5; at++) assert.isAtLeast(sent[at] as number, (at - 1) * 125)
    })
  )

  it.live("a pace that is none is refused before a session begins", () =>
    Effect.gen(function* () {
      const target = yield* Target.make({ url: "net://127.0.0.1:1:2" })
      const recording = { directory: "/none", chunks: [], byteCount: 0 }
      for (const speed of [0, -1, Number.NaN]) {
        const refused = yield* Effect.flip(Replay.replay(recording, target, { speed }))
        assert.strictEqual(refused.message, `the replay's options are not valid: speed: ${speed} is not above 0`)
      }
    })
  )

  it.live("a directory without a trace is refused by name", () =>
    Effect.gen(function* () {
      const directory = yield* Relays.temporaryDirectory("empty")
      mkdirSync(join(directory, "ust"))
      const failure = yield* Effect.flip(CtfTrace.open(directory))
      assert.include(failure.message, "no LTTng trace here")
      assert.include(
        (yield* Effect.flip(CtfTrace.open(join(directory, "missing")))).message,
        "No such file or directory"
      )
    })
  )

  it.live("an index that is none is refused by name", () =>
    Effect.gen(function* () {
      const original = yield* synthetic({}, (index) => BigInt(index))
      const index = join(original, "ust/pid/app-1/index/ch_0.idx")
      writeFileSync(index, Buffer.alloc(88))
      assert.include((yield* Effect.flip(CtfTrace.open(original))).message, `${index}: not a CTF index`)
    })
  )
})
