/**
 * A ring's file that was being overwritten when its target died: the file is new and has a part of a packet, and the
 * index beside it is that of the file before, since a new one is made with the first whole packet (storage.md §3).
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { SyntheticTrace } from "../../src/index.ts"
import * as Check from "../../src/recovery/Check.ts"
import * as Repair from "../../src/recovery/Repair.ts"
import { PeerBytes, TestRelay } from "../../src/testing/index.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Trees from "./trees.ts"

const uuid = "01234567-89ab-cdef-0123-456789abcdef"
/** A head of 84 bytes and whole events: all of it is content. */
const packetBytes = 84 + 16 * 10
const eventsInPacket = 10
/** Of the whole packets: two to a file. */
const wholeCount = 4
/** What is cut short: as long as the others, or longer than the file that it takes the place of. */
const lastBytes = { alike: packetBytes, longer: 84 + 16 * 40 }

/** Files below the session, as the relay leaves them when `cut` bytes of the fifth packet have come. */
const left = (last: keyof typeof lastBytes, cut: number): Effect.Effect<Trees.Files> =>
  Effect.gen(function* () {
    const relay = yield* Effect.orDie(TestRelay.make())
    const script = relay.script()
    const { c, d, file } = yield* script.recording({ basePath: "b" })
    const stream = yield* c.addStream({ fileSize: 2 * packetBytes, fileCount: 2 })
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.metadata(metadata, Buffer.from(SyntheticTrace.metadata(uuid)))
    const small = SyntheticTrace.generator(uuid, 7, packetBytes, 0n)
    for (let seq = 0; seq < wholeCount; seq++) {
      const { bytes, timestampBegin, timestampEnd } = small.next(BigInt(seq + 1) * 1000n)
      yield* d.raw(PeerBytes.join(PeerBytes.packetHeader(stream, seq, bytes.length, 0), bytes))
      const [begin, end] = [Number(timestampBegin), Number(timestampEnd)]
      yield* c.index(stream, { seq, bytes: packetBytes, begin, end })
    }
    const { bytes } = SyntheticTrace.generator(uuid, 7, lastBytes[last], BigInt(wholeCount) * 1000n).next(9000n)
    const header = PeerBytes.packetHeader(stream, wholeCount, bytes.length, 0)
    // By its length alone a part may be the file that it takes the place of.
    yield* d.raw(PeerBytes.join(header, bytes.subarray(0, cut - 1)))
    yield* script.fileSize(file("ch_0_0"), cut - 1)
    yield* d.raw(bytes.subarray(cut - 1, cut))
    yield* script.fileSize(file("ch_0_0"), cut)
    return relay
  }).pipe(
    Effect.scoped,
    Effect.map(({ output }) => new Map(output.files().map((path) => [path, output.read(path) as Uint8Array])))
  )

const cases = [
  ["alike", 1],
  ["alike", 83],
  ["alike", 100],
  ["alike", packetBytes - 1],
  ["longer", packetBytes],
  // As many bytes as the old index speaks of: by their sum it is right.
  ["longer", 2 * packetBytes],
  ["longer", 2 * packetBytes + 1]
] as const

Peers.describeWithPeers(
  ["babeltrace2"],
  "a ring's file with a part of a packet beside the index of what it was",
  () => {
    it.live.each(cases)("is found, and a repair leaves what is whole: %s packet, %d bytes", ([last, cut]) =>
      Effect.gen(function* () {
        const files = yield* left(last, cut)
        const path = [...files.keys()].find((each) => each.endsWith("/ch_0_0")) as string
        const index = path.replace("ch_0_0", "index/ch_0_0.idx")
        assert.strictEqual(files.get(path)?.length, cut)
        assert.strictEqual(files.get(index)?.length, 16 + 2 * 72)
        const { findings } = Check.check(Trees.tree(files))
        const damaged = findings.filter(({ severity }) => severity === "damage").map((each) => each.path)
        assert.include(damaged, path)
        assert.include(damaged, index)
        const { failures, report } = Repair.repair(Trees.tree(files), Trees.apply(files))
        assert.deepStrictEqual(failures, [])
        assert.deepStrictEqual(
          report.findings.filter(({ severity }) => severity === "damage"),
          []
        )
        assert.strictEqual(files.get(path)?.length, 0)
        assert.strictEqual(files.get(index)?.length, 16)
        const home = mkdtempSync(join(tmpdir(), "lttng-relay-overwritten-"))
        Trees.write(files, home)
        const { stdout } = yield* Effect.ensuring(
          Process.run("babeltrace2", [home]),
          Effect.sync(() => rmSync(home, { recursive: true }))
        )
        assert.strictEqual(stdout.match(/load:tick/g)?.length, 2 * eventsInPacket)
      })
    )
  }
)
