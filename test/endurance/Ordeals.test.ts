/**
 * What happens to real processes: a relay that is stopped for a while, one whose volume is full, one whose viewers and
 * whose tracer's consumer are killed, one whose disk stands still. `ORDEAL_SECONDS=60` makes the while longer.
 */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Check from "../../src/recovery/Check.ts"
import * as DiskTree from "../../src/recovery/DiskTree.ts"
import * as Commands from "../sidebyside/commands.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Volatile from "../support/volatile.ts"
import * as Wire from "../support/wire.ts"
import { type Played, play, recordedCount, sizes } from "./acknowledged.ts"

const stopSeconds = Number(process.env.ORDEAL_SECONDS ?? 2)

/** Sessions of all sizes until their relay is gone, or ends them. */
const load = (relay: Relays.Relay, all: Array<Played>, from = 0) => {
  const plays = sizes.map((size, at) =>
    Effect.ignore(Effect.scoped(play(relay, from + at, size, (played) => all.push(played))))
  )
  return Effect.forkScoped(Effect.all(plays, { concurrency: "unbounded" }))
}

const acknowledged = (all: ReadonlyArray<Played>, count: number) =>
  Process.until(
    `${count} answers in every session`,
    () => all.length >= sizes.length && all.every((played) => played.acknowledgedCount >= count),
    { everyMillis: 5, seconds: 30 }
  )

describe("a relay", () => {
  it.live(
    "that is stopped for a while goes on where it was",
    () =>
      Effect.gen(function* () {
        const relay = yield* Relays.start("ours")
        const all: Array<Played> = []
        const loading = yield* load(relay, all)
        yield* acknowledged(all, 5)
        relay.process.signal("SIGSTOP")
        yield* Effect.sleep(stopSeconds * 1000)
        const before = all.map((played) => played.acknowledgedCount)
        relay.process.signal("SIGCONT")
        yield* acknowledged(all, Math.max(...before) + 5)
        relay.process.signal("SIGKILL")
        yield* relay.process.ended
        yield* Fiber.await(loading)
        for (const played of all) assert.isAtLeast(recordedCount(played), played.acknowledgedCount)
      }),
    (stopSeconds + 60) * 1000
  )

  it.live("whose volume is full ends the sessions on it, keeps what fitted, and records again when there is room", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours", { volumeBytes: 3 * 1024 * 1024 })
      const all: Array<Played> = []
      yield* Effect.flatMap(load(relay, all), Fiber.await)
      assert.isUndefined(relay.process.outcome(), "it lives")
      for (const what of ["ENOSPC", "WRITE_FAILED"]) yield* Process.said(relay.process, what)
      // The last one failed while its answer was on its way, and its session with it.
      for (const played of all) assert.isAtLeast(recordedCount(played), played.acknowledgedCount - 1)
      assert.notInclude(
        Check.check(DiskTree.make(relay.output)).findings.map(({ code }) => code),
        "index-past-data"
      )
      yield* Process.run("sh", ["-c", 'rm -rf "$1"/*', "sh", relay.output])
      const again: Array<Played> = []
      yield* load(relay, again, 10)
      yield* acknowledged(again, 3)
    })
  )
})

Peers.describeWithPeers(Volatile.peers, "a disk that stands still", () => {
  it.live(
    "holds up what goes to it; others are answered, and it goes on where it was",
    () =>
      Effect.gen(function* () {
        const disk = yield* Volatile.make
        const relay = yield* Relays.start("ours", { output: join(disk.mount, "traces") })
        const all: Array<Played> = []
        const loading = yield* load(relay, all)
        yield* acknowledged(all, 5)
        yield* disk.stall
        yield* Effect.sleep(stopSeconds * 1000)
        for (let at = 0; at < 20; at++) {
          const wire = yield* Wire.connect(relay.controlPort)
          const version = Commands.join(Commands.u32(2), Commands.u32(13))
          yield* wire.send(Commands.message(Commands.numbers.VERSION, version))
          const answer = yield* Effect.timeoutOption(wire.read(8), "2 seconds")
          assert.strictEqual(answer._tag, "Some", "a stranger is answered")
          yield* wire.close
        }
        const before = all.map((played) => played.acknowledgedCount)
        yield* disk.goOn
        yield* Process.until(
          "every session to go on",
          () => all.every((played, at) => played.acknowledgedCount > (before[at] ?? 0) + 5),
          { everyMillis: 5, seconds: 30 }
        )
        // Packets that the disk kept waiting in their sockets had their answers already.
        yield* Process.until(
          "what was answered while it stood still to be in the files",
          () => all.every((played, at) => recordedCount(played) > (before[at] ?? 0)),
          { everyMillis: 20, seconds: 30 }
        )
        relay.process.signal("SIGTERM")
        const { code, stderr } = yield* relay.process.ended
        assert.strictEqual(code, 0, stderr)
        yield* Fiber.await(loading)
        const { findings } = Check.check(DiskTree.make(relay.output))
        // Whoever is cut off between a packet and its index leaves the one without the other; within one, a part of it.
        const ofCutOff = ["index-behind", "data-torn"]
        assert.deepStrictEqual(
          findings.filter(({ code, severity }) => severity === "damage" && !ofCutOff.includes(code)),
          []
        )
      }),
    (stopSeconds + 60) * 1000
  )
})

Peers.describeWithPeers(Peers.tracing, "killed at the other end", () => {
  it.live("a consumer and a viewer leave whole packets, and the relay to others", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours")
      const [victim, other] = [yield* Lttng.start, yield* Lttng.start]
      yield* Lttng.record(victim, relay, "victim", { channel: ["--subbuf-size=4k"] })
      yield* victim.emit({ count: 1000, source: 1 })
      yield* victim.lttng("stop")
      yield* victim.lttng("start")
      const url = `net://localhost:${relay.livePort}`
      const viewer = yield* Process.daemon("babeltrace2", ["--input-format=lttng-live", url])
      const emitting = yield* Effect.forkScoped(Effect.ignore(victim.emit({ count: 5_000_000, source: 2, cpu: 0 })))
      const packetCount = () => Check.check(DiskTree.make(relay.output)).packetCount
      const before = packetCount()
      yield* Process.until("packets", () => packetCount() > before + 20)
      viewer.signal("SIGKILL")
      for (const pid of Lttng.consumersOf(victim.pid)) process.kill(pid, "SIGKILL")
      yield* Process.until("the victim's files to be let go", () =>
        Lttng.openFiles(relay.process.pid).every((path) => !path.includes("/victim-"))
      )
      yield* Fiber.interrupt(emitting)
      yield* Lttng.record(other, relay, "other")
      yield* other.emit({ count: 1000, source: 3 })
      yield* other.lttng("stop")
      yield* other.lttng("destroy")
      const { bySource } = yield* Babeltrace.read(relay.output)
      const whole = { count: 1000, first: 0, last: 999, breaks: [] }
      assert.deepStrictEqual(bySource.get(3), whole)
      assert.deepStrictEqual(bySource.get(1), whole)
      assert.isUndefined(relay.process.outcome(), "it lives")
    })
  )
})
