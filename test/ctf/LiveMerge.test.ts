/**
 * Streams of a session that goes on, in one order. Goal: whatever pieces they come in, every event record comes once,
 * in order, as soon as no other stream may have an older one, and not before. Method: records of several streams with
 * generated times, cut into packets, told in generated orders; a small model says what is due.
 */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { nanos } from "../../src/ctf/decode/Clock.ts"
import { DataStream, inMemory } from "../../src/ctf/decode/DataStream.ts"
import { TracePlan } from "../../src/ctf/decode/Plan.ts"
import { LiveMerge } from "../../src/ctf/live/LiveMerge.ts"
import { LiveStream } from "../../src/ctf/live/LiveStream.ts"
import { parse } from "../../src/ctf/metadata/GrowingMetadata.ts"
import { Random } from "../support/Random.ts"

const metadata = `
trace { major = 1; minor = 8; byte_order = le; };
clock { name = c; freq = 1000000000; };
typealias integer { size = 64; map = clock.c.value; } := time;
stream { event.header := struct { time timestamp; }; };
event { name = e; fields := struct { integer { size = 8; } n; }; };`

const packetOf = (times: ReadonlyArray<number>): Uint8Array => {
  const bytes = Buffer.alloc(times.length * 9)
  for (const [at, time] of times.entries()) bytes.writeBigUInt64LE(BigInt(time), at * 9)
  return bytes
}

const timeOf = (value: number) => ({ high: 0, low: value })

interface Told {
  readonly live: LiveStream
  readonly packets: Array<ReadonlyArray<number>>
  /** What the model knows: times that came and are not shown, and from when on more may come. */
  pending: Array<number>
  horizon: number
  isOver: boolean
}

describe("the merge of streams that go on", () => {
  it("shows what is due, and no more, in any order of news", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed)
      const plan = new TracePlan(Result.getOrThrow(parse(Buffer.from(metadata))), undefined)
      const merge = new LiveMerge()
      const shown: Array<number> = []
      const all: Array<number> = []
      const streams = Array.from({ length: 1 + random.below(5) }, (_, index): Told => {
        const live = new LiveStream(new DataStream(`s${index}`, plan))
        merge.add(live, { uid: "", index })
        let time = 0
        const packets = Array.from({ length: random.below(6) }, () =>
          Array.from({ length: 1 + random.below(5) }, () => {
            time += random.below(20)
            all.push(time)
            return time
          })
        )
        return { live, packets, pending: [], horizon: Number.NEGATIVE_INFINITY, isOver: false }
      })
      const drain = () => {
        while (merge.drain(1 + random.below(3), ({ stream }) => shown.push(Number(nanos(stream.time)))));
      }
      /** By the model: those up to the least time that an open stream without any may still have. */
      const due = (): number => {
        for (;;) {
          const limit = Math.min(
            ...streams.filter((one) => one.pending.length === 0 && !one.isOver).map((one) => one.horizon)
          )
          const ready = streams.filter((one) => one.pending.length > 0)
          const first = ready.sort((a, b) => (a.pending[0] ?? 0) - (b.pending[0] ?? 0))[0]
          if (first === undefined || (first.pending[0] ?? 0) > limit) return count
          first.pending.shift()
          count++
        }
      }
      let count = 0
      while (streams.some((one) => !one.isOver)) {
        const open = streams.filter((one) => !one.isOver)
        const told = open[random.below(open.length)] ?? assert.fail("none is open")
        const packet = told.packets.shift()
        if (packet === undefined) {
          told.isOver = true
          merge.onEnd(told.live)
        } else {
          const last = packet.at(-1) ?? 0
          told.live.push(inMemory(packetOf(packet)))
          merge.onPacket(told.live)
          told.live.raise(timeOf(last))
          told.pending.push(...packet)
          told.horizon = last
        }
        drain()
        assert.strictEqual(shown.length, due(), `seed ${seed}`)
      }
      assert.deepStrictEqual(
        shown,
        all.sort((a, b) => a - b),
        `seed ${seed}`
      )
    }
  })

  it("a stream that is silent, or tells a later time, holds nothing back; one that is new does", () => {
    const plan = new TracePlan(Result.getOrThrow(parse(Buffer.from(metadata))), undefined)
    const merge = new LiveMerge()
    const [busy, idle] = [0, 1].map((index) => {
      const live = new LiveStream(new DataStream(`s${index}`, plan))
      merge.add(live, { uid: "", index })
      return live
    }) as [LiveStream, LiveStream]
    const shown: Array<bigint> = []
    const drain = () => merge.drain(100, ({ stream }) => shown.push(nanos(stream.time)))
    busy.push(inMemory(packetOf([10, 20, 30])))
    merge.onPacket(busy)
    drain()
    assert.deepStrictEqual(shown, [])
    idle.raise(timeOf(20))
    drain()
    assert.deepStrictEqual(shown, [10n, 20n])
    idle.isSilent = true
    drain()
    assert.deepStrictEqual(shown, [10n, 20n, 30n])
  })
})
