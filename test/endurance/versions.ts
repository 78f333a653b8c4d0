/**
 * Two versions beside each other, with real tracers: a relay that is killed and stopped, and started as the other one
 * over the same directory, behind an edge of either. What they leave is compared byte for byte with what a relay leaves
 * that nothing happens to: node test/endurance/versions.ts OLDER [ROUNDS]
 *
 * OLDER is a checkout of an earlier version, built (`npm run build`).
 */
import { join, resolve } from "node:path"
import { Effect } from "effect"
import { daemonProgram, setup, toolboxProgram } from "../support/bundle.ts"
import * as Lttng from "../support/lttng.ts"
import * as Ordeal from "../support/ordeal.ts"

const [older = "", rounds = "12"] = process.argv.slice(2)
const programOf = (name: string) => join(resolve(older), "dist/bin", name)

const faults: ReadonlyArray<Ordeal.Fault> = ["kill", "kill", "cut", "kill", "stop", "kill"]

/** Packets of 4 KiB, so that much happens. */
const channel = ["--subbuf-size=4k"]

const played = ({ near, tracing: { emit, lttng } }: Ordeal.Stage) =>
  Effect.gen(function* () {
    yield* Lttng.record({ lttng }, near, "live", { create: ["--live=200000"], channel })
    yield* emit({ count: 3000, source: 1, sleepMicros: 100 })
    yield* lttng("destroy", "live")
    const ring = ["--tracefile-size=64k", "--tracefile-count=3"]
    yield* Lttng.record({ lttng }, near, "rotated", { channel: [...channel, ...ring] })
    for (let round = 0; round < Number(rounds); round++) {
      yield* emit({ count: 800, source: round, sleepMicros: 100 })
      if (round % 4 === 1) yield* lttng("clear", "rotated")
      else if (round % 4 === 3) yield* Effect.andThen(lttng("stop", "rotated"), lttng("start", "rotated"))
      else yield* lttng("rotate", "rotated")
    }
    yield* lttng("destroy", "rotated")
  })

await setup()
const programs = [programOf("lttng-relayd.js"), daemonProgram]
for (const edgeProgram of [programOf("lttng-relay.js"), toolboxProgram]) {
  const endured = Ordeal.endure(played, { everyMillis: 600, faults, programs, edgeProgram })
  const { faultCount } = await Effect.runPromise(Effect.scoped(endured))
  process.stdout.write(`edge ${edgeProgram}: ${faultCount} faults, the same files\n`)
}
