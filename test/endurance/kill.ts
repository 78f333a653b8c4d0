/**
 * Kills under load, for long: node test/endurance/kill.ts [ROUNDS] [ours|reference|tracers]
 *
 * Relays under a scripted load, which knows what was acknowledged: prints what of it is not in the files. Or, with
 * `tracers`, relay, consumer daemon and viewer in turns, under a load of real `lttng`; of a round that goes wrong it
 * keeps the files, says where they are and why, and goes on.
 */
import { Cause, Effect } from "effect"
import { setup } from "../support/bundle.ts"
import { round } from "./acknowledged.ts"
import * as Victims from "./victims.ts"

const [rounds = "500", kind = "ours"] = process.argv.slice(2)

const scripted = Effect.gen(function* () {
  let acknowledgedCount = 0
  const lost = new Map<number, { rounds: number; packets: number; most: number }>()
  const tell = (count: number) => process.stdout.write(`${count} rounds, ${acknowledgedCount} packets acknowledged\n`)
  for (let at = 0; at < Number(rounds); at++) {
    if (at > 0 && at % 50 === 0) tell(at)
    const killedAfterMillis = Math.random() * 120
    const options = { kind: kind as "ours" | "reference", isInMemory: at % 2 === 1, killedAfterMillis }
    const outcome = yield* round(options)
    acknowledgedCount += outcome.acknowledgedCount
    for (const [size, count] of outcome.lost) {
      process.stdout.write(`round ${at}: ${count} of ${size} bytes lost\n`)
      const sum = lost.get(size) ?? { rounds: 0, packets: 0, most: 0 }
      lost.set(size, { rounds: sum.rounds + 1, packets: sum.packets + count, most: Math.max(sum.most, count) })
    }
  }
  tell(Number(rounds))
  for (const [size, { most, packets, rounds }] of [...lost].sort(([a], [b]) => a - b)) {
    process.stdout.write(`packets of ${size} bytes: ${packets} lost in ${rounds} rounds, ${most} at most in one\n`)
  }
  const small = [...lost].filter(([size]) => size < 32 * 1024)
  if (small.length > 0) process.exitCode = 1
})

const withTracers = Effect.gen(function* () {
  const tracing = new Victims.Tracing()
  const counts = { relay: 0, consumer: 0, viewer: 0 }
  let eventCount = 0
  const tell = () => {
    const done = Victims.victims.map((victim) => `${counts[victim]} ${victim}s`).join(", ")
    process.stdout.write(`killed ${done}; ${eventCount} events of the loads read afterwards\n`)
  }
  const fail = (at: number, victim: Victims.Victim, cause: Cause.Cause<unknown>) => {
    process.stdout.write(`round ${at}, ${victim} killed: ${Cause.pretty(cause)}\n`)
    process.exitCode = 1
    return Effect.as(tracing.lose, 0)
  }
  const program = Effect.gen(function* () {
    for (let at = 0; at < Number(rounds); at++) {
      const victim = Victims.victims[at % 3] as Victims.Victim
      const round = Victims.round(tracing, victim, `k${at}`, Math.random() * 300, at % 2 === 1)
      eventCount += yield* Effect.catchCause(round, (cause) => fail(at, victim, cause))
      counts[victim]++
      if (at % 30 === 29) tell()
    }
  })
  yield* Effect.ensuring(program, Effect.andThen(tracing.lose, Effect.sync(tell)))
})

await setup()
await Effect.runPromise(kind === "tracers" ? withTracers : scripted)
