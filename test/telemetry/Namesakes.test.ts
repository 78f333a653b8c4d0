/** Series by name are sums of the sessions of that name, one for each domain of a tracing session: they only grow. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SyntheticTrace, Target } from "../../src/index.ts"
import * as Ports from "../admin/ports.ts"
import * as Process from "../support/process.ts"

const uuid = "01234567-89ab-cdef-0123-456789abcdef"
const packetBytes = 1024

/** Records a packet of each number, each in a stream of its own channel; and metadata, which is no channel. */
const record = (url: string, name: string, packetCounts: Readonly<Record<string, number>>) =>
  Effect.gen(function* () {
    const session = yield* (yield* Target.make({ url, hostname: "host1" })).session({ name })
    for (const [channel, count] of Object.entries(packetCounts)) {
      const stream = yield* session.stream({ path: "ust", channel })
      const packets = SyntheticTrace.generator(uuid, 0, packetBytes, 0n)
      for (let at = 1; at <= count; at++) yield* stream.packet(packets.next(BigInt(at) * 1000n))
    }
    yield* (yield* session.metadata("ust")).append(Buffer.from(SyntheticTrace.metadata(uuid)))
    return session
  })

describe("channels of sessions of one name", () => {
  it.live("keep what those have received that ended, until the last of them ends", () =>
    Effect.gen(function* () {
      const { targetUrl, url } = yield* Ports.start()
      const packets = Effect.promise(async () => {
        const text = await (
          await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${Ports.token}` } })
        ).text()
        const found = text.matchAll(
          /^lttng_relay_channel_received_packets_total\{.*session="(\w+)",channel="(\w+)"\} (\d+)$/gm
        )
        return Object.fromEntries(
          [...found].map(([, session, channel, count]) => [`${session}/${channel}`, Number(count)])
        )
      })
      const first = yield* record(targetUrl, "auto", { ch_0: 3, only_0: 1 })
      const second = yield* record(targetUrl, "auto", { ch_0: 2 })
      const third = yield* record(targetUrl, "auto", { ch_0: 1 })
      const other = yield* record(targetUrl, "other", { ch_0: 5 })
      const all = { "auto/ch": 6, "auto/only": 1, "other/ch": 5 }
      assert.deepStrictEqual(yield* packets, all)
      for (const ending of [first, third]) {
        yield* ending.close()
        assert.deepStrictEqual(yield* packets, all)
      }
      yield* other.close()
      yield* second.close()
      yield* Process.until("no session to be left", packets, (left) => Object.keys(left).length === 0)
      yield* record(targetUrl, "auto", { ch_0: 1 })
      assert.deepStrictEqual(yield* packets, { "auto/ch": 1 })
    })
  )
})
