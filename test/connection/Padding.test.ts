/** Zeros that files get behind what targets send: nobody sends them, and `bytesOnDisk` bounds them all the same. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { AccessFile } from "../../src/access/Access.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"

const bytesOnDisk = 4_000_000

const access: AccessFile = {
  principals: [{ name: "here", addresses: ["127.0.0.0/8"] }],
  rules: [{ principals: ["here"], record: [{}], quota: { bytesOnDisk } }]
}

const make = Effect.gen(function* () {
  const relay = yield* TestRelay.make({ access })
  const recording = yield* relay.script().recording({ name: "padded" })
  return {
    ...recording,
    relay: relay.relay,
    fileBytes: () => relay.output.files().reduce((sum, path) => sum + (relay.output.size(path) ?? 0), 0),
    incidents: Effect.map(relay.relay.activity, (activity) =>
      activity.incidents.map(({ code, count }) => `${code} ${count}`)
    )
  }
})

// As of a live session at rest: each packet is filled up to a page.
const [dataBytes, pageBytes] = [84, 4096]

it.live("count as what is sent does, as far as they are still there", () =>
  Effect.gen(function* () {
    const { c, d, fileBytes, incidents, relay } = yield* make
    const ring = yield* c.addStream({ channel: "ring_0", fileSize: 840, fileCount: 2 })
    let seq = 0
    for (; seq < 2000; seq++) yield* d.packet(ring, seq, dataBytes, pageBytes - dataBytes)
    yield* until("the ring's packets", relay.counters, ({ packetCount }) => packetCount === seq)
    assert.deepStrictEqual(yield* incidents, [])
    const stream = yield* c.addStream({ channel: "rest_0" })
    for (seq = 0; seq < 2000; seq++) yield* d.packet(stream, seq, dataBytes, pageBytes - dataBytes)
    yield* d.closes()
    yield* until("its streams to end", relay.counters, ({ streamCount }) => streamCount === 0)
    assert.deepStrictEqual(yield* incidents, ["DISK_QUOTA 1"])
    assert.isBelow(fileBytes(), bytesOnDisk * 1.07)
    assert.isAbove(fileBytes(), bytesOnDisk * 0.95)
  })
)

it.live("behind one packet, or metadata, are not written at all where they are too many", () =>
  Effect.gen(function* () {
    const most = 0xffff_ffff
    for (const send of ["packet", "metadata"] as const) {
      const { c, d, fileBytes, incidents, relay } = yield* make
      const stream = yield* c.addStream({ channel: send === "packet" ? "ch_0" : "metadata" })
      if (send === "packet") yield* d.packet(stream, 0, dataBytes, most)
      else yield* c.metadata(stream, Buffer.alloc(dataBytes), most)
      yield* (send === "packet" ? d : c).closes()
      yield* until("its streams to end", relay.counters, ({ streamCount }) => streamCount === 0)
      assert.deepStrictEqual(yield* incidents, ["DISK_QUOTA 1"], send)
      assert.isBelow(fileBytes(), dataBytes + 1)
    }
  })
)
