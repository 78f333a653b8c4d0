/** A disk that changes a byte of the spool while the edge runs: one packet is left out, and all else arrives. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { headBytes, Kind, offsets } from "../../src/protocol/journal/Record.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"
import { seeded } from "./stories.ts"

const packetCount = 12
/** Of several records. */
const packetBytes = 300_000

interface Place {
  readonly path: string
  readonly at: number
  readonly size: number
  readonly kind: number
}

const recordsOf = (files: MemoryFiles): ReadonlyArray<Place> =>
  files
    .paths("/spool")
    .filter((path) => path.endsWith(".journal"))
    .sort()
    .flatMap((path) => {
      const bytes = Buffer.from(files.read(path) ?? [])
      const places: Array<Place> = []
      for (let at = 0; at + headBytes <= bytes.length; ) {
        const size = headBytes + bytes.readUInt32BE(at + offsets.byteCount)
        places.push({ path, at, size, kind: bytes.readUInt16BE(at + offsets.kind) })
        at += size
      }
      return places
    })

/** Of a packet before the last; any of its bytes. */
const damage = (files: MemoryFiles, random: () => number) => {
  const parts = recordsOf(files).filter(({ kind }) => kind === Kind.packet || kind === Kind.rest)
  const lastBegun = parts.findLastIndex(({ kind }) => kind === Kind.packet)
  const place = parts[Math.floor(random() * lastBegun)]
  if (place === undefined) throw new Error("nothing to damage")
  const bytes = Buffer.from(files.read(place.path) ?? [])
  const inHead = random() < 0.3
  const at = place.at + Math.floor(random() * (inHead ? headBytes : place.size))
  bytes[at] = (bytes[at] as number) ^ 0x10
  files.write(place.path, bytes)
}

const damaged = (seed: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const random = seeded(seed)
      const relay = yield* TestRelay.make()
      const files = new MemoryFiles()
      let passing = 0
      const link = yield* new Link(
        () => relay.controlPort,
        () => passing
      ).open
      // The relay has some of it before, cut anywhere; or nothing.
      link.isDown = seed % 2 === 0
      passing = 2000 + Math.floor(random() * packetCount * packetBytes)
      const local = yield* Local.start({ controlPort: link.port, dataPort: relay.dataPort, files: files.service })
      const script = Script.make(local, relay.output, () => {})
      const { c, d, file } = yield* script.recording()
      const stream = yield* c.addStream()
      const metadata = yield* c.addStream({ channel: "metadata" })
      yield* c.metadata(metadata, Buffer.alloc(3000, "m"))
      const [journal] = [...local.edge.spool.journals.values()]
      for (let seq = 0; seq < packetCount; seq++) {
        if (seq === packetCount - 2) link.isDown = true
        yield* d.packet(stream, seq, packetBytes)
        yield* c.index(stream, { seq, packetSeq: seq, bytes: packetBytes, begin: 10 * seq, end: 10 * seq + 5 })
      }
      link.cut()
      yield* until("the link to be down", () => local.edge.link.connectedCount === 0)
      const hadRecords = journal?.received ?? 0
      damage(files, random)
      passing = Number.POSITIVE_INFINITY
      link.isDown = false
      yield* c.closeStream(stream, packetCount - 1)
      yield* c.closeStream(metadata, 2n ** 64n - 1n)
      yield* c.close
      yield* d.close
      yield* local.forwarded
      yield* Local.quiet(relay)
      const index = relay.output.files().find((name) => name.endsWith("ch_0.idx"))
      const indexBytes = relay.output.size(index ?? "") ?? 0
      const size = relay.output.size(file("ch_0")) ?? 0
      const metadataSize = relay.output.size(file("metadata"))
      return { packets: size / packetBytes, records: (indexBytes - 16) / 72, metadataSize, hadRecords }
    })
  )

describe("a spool that is damaged while the edge runs", () => {
  it.live("loses one packet, or none if the relay had it", () =>
    Effect.gen(function* () {
      let lostCount = 0
      for (let seed = 1; seed <= 16; seed++) {
        const { hadRecords, metadataSize, packets, records } = yield* damaged(seed)
        assert.strictEqual(metadataSize, 3000, `seed ${seed}`)
        assert.strictEqual(packets, records, `seed ${seed}`)
        assert.include([packetCount - 1, packetCount], packets, `seed ${seed}`)
        if (hadRecords === 0) assert.strictEqual(packets, packetCount - 1, `seed ${seed}`)
        if (packets < packetCount) lostCount++
      }
      assert.isAbove(lostCount, 8)
    })
  )
})
