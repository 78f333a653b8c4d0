/**
 * What a killed relay leaves, ours and the reference in turns, under the same real load with rings, rotations and
 * clears: node test/endurance/left.ts [ROUNDS]
 *
 * Of each: what a check finds, whether a repair leaves nothing of it, and whether babeltrace2 reads the rest.
 */
import { join } from "node:path"
import { assert } from "@effect/vitest"
import { Cause, Effect, Fiber, Schedule } from "effect"
import * as Check from "../../src/recovery/Check.ts"
import * as DiskCopy from "../../src/recovery/DiskCopy.ts"
import * as DiskTree from "../../src/recovery/DiskTree.ts"
import * as Repair from "../../src/recovery/Repair.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import { setup } from "../support/bundle.ts"
import * as Lttng from "../support/lttng.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const kinds = ["ours", "reference"] as const
const channels = [
  ["--subbuf-size=4k"],
  ["--subbuf-size=64k"],
  ["--subbuf-size=4k", "--tracefile-size=32768", "--tracefile-count=4"],
  ["--subbuf-size=64k", "--tracefile-size=131072", "--tracefile-count=8"]
]
const meanwhile = [undefined, "rotate", "clear"]

/** Codes that a check found, and the events that were read after the repair. */
const round = (at: number, kind: (typeof kinds)[number]) =>
  Effect.gen(function* () {
    const relay = yield* Relays.start(kind, { isInMemory: at % 2 === 1 })
    const tracing = yield* Lttng.start
    const channel = channels[at % channels.length] ?? []
    yield* Lttng.record(tracing, relay, "left", { channel: [...channel, "--switch-timer=20000"] })
    yield* tracing.emit({ count: 200, source: 2 })
    yield* tracing.lttng("stop")
    yield* tracing.lttng("start")
    const packetCount = () => Check.check(DiskTree.make(relay.output)).packetCount
    const before = packetCount()
    const emitting = yield* Effect.forkScoped(Effect.ignore(tracing.emit({ count: 50_000_000, source: 1, cpu: 0 })))
    const command = meanwhile[Math.floor(at / channels.length) % meanwhile.length]
    if (command !== undefined) {
      yield* Effect.forkScoped(Effect.repeat(Effect.ignore(tracing.attempt(command)), Schedule.forever))
    }
    yield* Process.until("packets of the load", () => packetCount() > before + 2)
    yield* Effect.sleep(Math.random() * 500)
    relay.process.signal("SIGKILL")
    yield* relay.process.ended
    yield* Fiber.interrupt(emitting)
    const { findings } = Check.check(DiskTree.make(relay.output))
    const repaired = join(yield* Relays.temporaryDirectory("left"), "repaired")
    assert.deepStrictEqual(DiskCopy.copy(relay.output, repaired), [])
    const { failures, report } = Repair.repair(DiskTree.make(repaired), (change) => DiskTree.apply(repaired, change))
    assert.deepStrictEqual(failures, [])
    assert.isFalse(Check.isDamaged(report), JSON.stringify(report.findings))
    const { bySource } = yield* Babeltrace.read(repaired)
    if (command !== "clear" && channel.length === 1) {
      assert.deepStrictEqual(bySource.get(2), { count: 200, first: 0, last: 199, breaks: [] }, "what a stop waited for")
      assert.deepStrictEqual(bySource.get(1)?.breaks ?? [], [], "none left out before the last, none twice")
    }
    const severe = findings.filter(({ severity }) => severity === "damage")
    return { codes: severe.map(({ code }) => code), count: bySource.get(1)?.count ?? 0, command, channel }
  }).pipe(Effect.scoped)

const program = Effect.gen(function* () {
  const sums = new Map<string, number>()
  for (let at = 0; at < Number(process.argv[2] ?? "24"); at++) {
    for (const kind of kinds) {
      const outcome = yield* Effect.exit(round(at, kind))
      if (outcome._tag === "Failure") {
        process.stdout.write(`round ${at}, ${kind}: ${Cause.pretty(outcome.cause)}\n`)
        process.exitCode = 1
        continue
      }
      const { channel, codes, command = "nothing", count } = outcome.value
      for (const code of codes) sums.set(`${kind}: ${code}`, (sums.get(`${kind}: ${code}`) ?? 0) + 1)
      const what = `${channel.join(" ")}, ${command} meanwhile`
      process.stdout.write(`round ${at}, ${kind}, ${what}: ${count} events, ${codes.join(", ") || "no damage"}\n`)
    }
  }
  for (const [what, count] of [...sums].sort()) process.stdout.write(`${what}: ${count}\n`)
})

await setup()
await Effect.runPromise(program)
