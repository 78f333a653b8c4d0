/**
 * What real tracing leaves in all its ways is in order: rotations, rings, clears, snapshots of the same packets, and
 * buffers by process, by both relays; and what babeltrace2 writes of it. A check that says what is not so is no use.
 */
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Check from "../../src/recovery/Check.ts"
import * as DiskTree from "../../src/recovery/DiskTree.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const channels = [
  { name: "plain", channel: [] },
  { name: "ring", channel: ["--tracefile-size=8192", "--tracefile-count=3"] },
  { name: "pids", channel: ["--buffers-pid"] }
] as const

/** In order, whoever reads: `loss` is the tracer's. */
const assertOrderly = (directory: string) => {
  const { findings, packetCount } = Check.check(DiskTree.make(directory), { readsEvents: "all" })
  assert.deepStrictEqual(
    findings.filter(({ code, severity }) => severity === "damage" || (severity === "note" && code !== "sequence-gap")),
    []
  )
  assert.isAbove(packetCount, 20)
}

Peers.describeConcurrently([...Peers.tracing, ...Peers.reference], "recorded in all ways", () => {
  it.live.each(["ours", "reference"] as const)("nothing is damaged, nor found twice: %s", (kind) =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(kind)
      const tracing = yield* Lttng.start
      const { emit, lttng } = tracing
      for (const { channel, name } of channels) {
        yield* Lttng.record(tracing, relay, name, { channel: ["--subbuf-size=4k", ...channel] })
      }
      // In step: a tracer that rotates while an application registers leaves metadata that declares no stream.
      const all = (command: string) =>
        Effect.forEach(channels, ({ name }) => lttng(command, name), { concurrency: "unbounded" })
      for (const step of ["rotate", "clear", "rotate", "stop", "start", "rotate", "destroy"]) {
        yield* emit({ count: 300, source: 1 })
        yield* all(step)
      }
      yield* lttng("create", "snaps", "--snapshot", ...Lttng.toRelay(relay))
      yield* lttng("enable-channel", "-u", "--subbuf-size=4k", "--num-subbuf=8", "ch")
      yield* lttng("enable-event", "-u", "-c", "ch", "demo:*")
      yield* lttng("start")
      for (let count = 0; count < 3; count++) {
        yield* emit({ count: 20, source: 1 })
        yield* lttng("snapshot", "record")
      }
      yield* lttng("destroy", "snaps")
      assertOrderly(relay.output)
      const { bySource } = yield* Babeltrace.read(relay.output)
      assert.isAbove(bySource.get(1)?.count ?? 0, 1000)
      const written = join(yield* Relays.temporaryDirectory("written"), "ctf")
      yield* Process.run("babeltrace2", [relay.output, `--output=${written}`, "--output-format=ctf"])
      assertOrderly(written)
    })
  )
})
