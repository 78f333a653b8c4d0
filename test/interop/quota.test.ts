/** Quotas of `--access` with a real lttng: what its principal may use it uses, and no more, also over a restart. */
import { globSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Quota } from "../../src/access/Access.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const limited = (quota: Quota) =>
  Effect.gen(function* () {
    const folder = yield* Relays.temporaryDirectory("quota")
    const principals = [{ name: "here", addresses: ["127.0.0.0/8"] }]
    const rules = [{ principals: ["here"], record: [{}], quota }]
    writeFileSync(join(folder, "access.json"), JSON.stringify({ principals, rules }))
    const start = Relays.start("ours", {
      args: [`--access=${join(folder, "access.json")}`],
      output: join(folder, "traces")
    })
    return { start, output: join(folder, "traces") }
  })

const bytesIn = (output: string): number =>
  globSync("**/*", { cwd: output })
    .map((path) => statSync(join(output, path), { throwIfNoEntry: false }))
    .reduce((sum, stats) => sum + (stats?.isFile() === true ? stats.size : 0), 0)

/** How many bytes there were at some time between two. */
interface Look {
  readonly millis: number
  readonly until: number
  readonly bytes: number
}

Peers.describeWithPeers(Peers.tracing, "quotas, with a real lttng", () => {
  it.live("a second session is refused while the first is recorded, which goes on", () =>
    Effect.gen(function* () {
      const { output, start } = yield* limited({ sessions: 1 })
      const relay = yield* start
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, relay, "first")
      yield* Effect.flip(Lttng.record(tracing, relay, "second"))
      yield* tracing.emit({ count: 1000 })
      yield* tracing.lttng("destroy", "--all")
      Babeltrace.assertExactly(yield* Babeltrace.read(output), [{ count: 1000 }])
      assert.isEmpty(globSync("*/second*", { cwd: output }))
    })
  )

  it.live("it is read from at the rate it may have, within 5 %, and loses nothing", () =>
    Effect.gen(function* () {
      const bytesPerSecond = 2_000_000
      const { output, start } = yield* limited({ bytesPerSecond })
      const relay = yield* start
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, relay, "paced")
      let count = 0
      let isMeasured = false
      const look = (): Look => {
        const millis = performance.now()
        return { millis, bytes: bytesIn(output), until: performance.now() }
      }
      // A look may take long where the machine has too much to do: never more than there was.
      const rateOf = (from: Look, to: Look) => ((to.bytes - from.bytes) * 1000) / (to.until - from.millis)
      const measured = Effect.gen(function* () {
        yield* Process.until("the rate to be reached", () => bytesIn(output) > bytesPerSecond)
        const looks = [look()]
        // A machine that has too much to do may take a while to let it have three such seconds.
        const isReached = () => {
          const now = look()
          const from = looks.findLast(({ millis }) => now.millis - millis >= 3000)
          looks.push(now)
          return from !== undefined && rateOf(from, now) > bytesPerSecond * 0.95
        }
        yield* Process.until("three seconds of that rate", isReached, { seconds: 60 })
        isMeasured = true
        return rateOf(looks[0] as Look, looks.at(-1) as Look)
      })
      const emitted = Effect.gen(function* () {
        for (const more = 200_000; !isMeasured; count += more) yield* tracing.emit({ count: more, from: count })
      })
      const [, rate] = yield* Effect.all([emitted, measured], { concurrency: "unbounded" })
      assert.isBelow(rate, bytesPerSecond * 1.05)
      yield* tracing.lttng("destroy")
      Babeltrace.assertExactly(yield* Babeltrace.read(output), [{ count }])
    })
  )

  it.live("no more lies on the disk than it may have, under the next relay too, until it is taken away", () =>
    Effect.gen(function* () {
      const bytesOnDisk = 3_000_000
      const { output, start } = yield* limited({ bytesOnDisk })
      const tracing = yield* Lttng.start
      yield* Effect.scoped(
        Effect.gen(function* () {
          const relay = yield* start
          yield* Lttng.record(tracing, relay, "full")
          // Whether it is held up once nobody takes its events is not ours to say.
          yield* Effect.forkScoped(Effect.ignore(tracing.emit({ count: 200_000 })))
          yield* Process.said(relay.process, "DISK_QUOTA")
          yield* tracing.attempt("destroy", "full")
        })
      )
      const size = bytesIn(output)
      assert.isBelow(size, bytesOnDisk * 1.05)
      assert.isAbove(size, bytesOnDisk * 0.9)
      const next = yield* start
      yield* Process.until(
        "a session to be refused",
        Effect.exit(Lttng.record(tracing, next, "more")),
        ({ _tag }) => _tag === "Failure"
      )
      yield* Process.said(next.process, "DISK_QUOTA")
      assert.isBelow(bytesIn(output), bytesOnDisk * 1.05)
      yield* tracing.attempt("destroy", "--all")
      yield* Process.run("rm", ["-r", ...globSync(join(output, "*"))])
      yield* Lttng.record(tracing, next, "again")
      yield* tracing.emit({ count: 100 })
      yield* tracing.lttng("destroy")
      Babeltrace.assertExactly(yield* Babeltrace.read(output), [{ count: 100 }])
    })
  )
})
