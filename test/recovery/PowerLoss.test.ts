/**
 * The power fails under real tracing: the relay's output lies on a file system that forgets what nobody synced
 * (test/support/volatile.py). What `lttng stop` and `lttng rotate` have waited for is there under `--sync=close`,
 * after a repair; under `none` it is not, which shows that the file system forgets.
 */
import { existsSync, readdirSync } from "node:fs"
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
import * as Toolbox from "../support/toolbox.ts"
import * as Volatile from "../support/volatile.ts"

const promisedCount = 2000

Peers.describeWithPeers([...Peers.tracing, ...Volatile.peers], "the power fails under real tracing", () => {
  it.live.each(["close", "none"])("with --sync=%s", (sync) =>
    Effect.gen(function* () {
      const disk = yield* Volatile.make
      const relay = yield* Relays.start("ours", { output: join(disk.mount, "traces"), args: [`--sync=${sync}`] })
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, relay, "power", { channel: ["--subbuf-size=4k"] })
      yield* tracing.emit({ count: promisedCount, source: 2 })
      yield* tracing.lttng("rotate")
      yield* tracing.emit({ count: promisedCount, source: 3 })
      yield* tracing.lttng("stop")
      yield* tracing.lttng("start")
      const packetCount = () => Check.check(DiskTree.make(relay.output)).packetCount
      const before = packetCount()
      const emitting = yield* Effect.forkScoped(Effect.ignore(tracing.emit({ count: 5_000_000, source: 1, cpu: 0 })))
      yield* Process.until("packets that nobody was promised", () => packetCount() > before + 10)
      yield* disk.fail
      relay.process.signal("SIGKILL")
      yield* Fiber.interrupt(emitting)

      const left = join(disk.left, "traces")
      const repaired = join(disk.left, "repaired")
      if (sync === "none") {
        const bytes = existsSync(left) ? Check.check(DiskTree.make(left)).byteCount : 0
        assert.strictEqual(bytes, 0, "nobody synced, and nothing was forgotten")
        return
      }
      const outcome = yield* Toolbox.attempt("repair", left, `--to=${repaired}`)
      assert.strictEqual(outcome.code, 0, outcome.stdout + outcome.stderr)
      const { bySource } = yield* Babeltrace.read(repaired)
      const whole = { count: promisedCount, first: 0, last: promisedCount - 1, breaks: [] }
      assert.deepStrictEqual(bySource.get(2), whole, "what a rotation has put away")
      assert.deepStrictEqual(bySource.get(3), whole, "what was there when it was stopped")
      assert.deepStrictEqual(bySource.get(1)?.breaks ?? [], [])
      assert.isAbove(readdirSync(repaired).length, 0)
    })
  )
})
