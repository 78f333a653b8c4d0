/**
 * A relay killed without notice under a real load. What it leaves is checked, repaired in a copy, checked again,
 * and read by babeltrace2: every event of the whole packets, none twice, none left out before them.
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Check from "../../src/recovery/Check.ts"
import * as DiskTree from "../../src/recovery/DiskTree.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { attempt as toolbox } from "../support/toolbox.ts"
import * as Trees from "./trees.ts"

/** The whole packets, and no index: babeltrace2 finds them by itself. */
const wholePackets = (files: Trees.Files): Trees.Files => {
  const kept = new Map([...files].filter(([path]) => !path.endsWith(".idx")))
  for (const { changes, path } of Check.check(Trees.tree(files)).findings) {
    for (const change of changes) if (change.kind === "keep" && change.path === path) Trees.apply(kept)(change)
  }
  return kept
}

const rounds = [1, 2]

Peers.describeWithPeers(Peers.tracing, "a relay killed under load", () => {
  it.live.each(rounds)("leaves traces that a repair makes readable: round %i", (round) =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours", round === 2 ? { isInMemory: true } : {})
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, relay, "cut", {
        channel: ["--subbuf-size=4k", "--tracefile-size=65536", "--tracefile-count=40"]
      })
      // Before the first stop the target may not have sent metadata: then nobody can read the packets.
      yield* tracing.emit({ count: 1000, source: 2 })
      yield* tracing.lttng("stop")
      yield* tracing.lttng("start")
      const emitting = yield* Effect.forkScoped(Effect.ignore(tracing.emit({ count: 5_000_000, source: 1, cpu: 0 })))
      const packetCount = () => Check.check(DiskTree.make(relay.output)).packetCount
      const before = packetCount()
      yield* Process.until("packets to come", () => packetCount() > before + 20 * round)
      const meanwhile = yield* toolbox("check", relay.output)
      assert.strictEqual(meanwhile.code, 0, meanwhile.stdout)
      assert.include(meanwhile.stdout, "being-written")
      relay.process.signal("SIGKILL")
      yield* relay.process.ended
      yield* Fiber.interrupt(emitting)

      const found = yield* toolbox("check", relay.output)
      const next = yield* Relays.start("ours", { output: relay.output })
      if (found.code !== 0) yield* Process.said(next.process, "LEFTOVERS")

      const home = yield* Relays.temporaryDirectory("killed")
      const [repaired, right] = [join(home, "repaired"), join(home, "right")]
      const left = Trees.read(relay.output)
      const outcome = yield* toolbox("repair", relay.output, `--to=${repaired}`)
      assert.strictEqual(outcome.code, 0, outcome.stdout + outcome.stderr)
      const after = yield* toolbox("check", "--json", repaired)
      assert.strictEqual(after.code, 0, after.stdout)
      assert.deepStrictEqual(Trees.read(relay.output), left, `the original stays as it was: ${found.stdout}`)

      mkdirSync(right)
      Trees.write(wholePackets(left), right)
      const readout = yield* Babeltrace.read(repaired)
      const expected = yield* Babeltrace.read(right)
      assert.deepStrictEqual(readout.bySource, expected.bySource)
      assert.deepStrictEqual(readout.bySource.get(2), { count: 1000, first: 0, last: 999, breaks: [] })
      assert.deepStrictEqual(readout.bySource.get(1)?.breaks, [], "one processor: none left out before the last")
      assert.isAbove(readout.bySource.get(1)?.count ?? 0, 100)
      Babeltrace.assertIndexed(repaired)
    })
  )
})
