/**
 * Kills relays under load, for long: node test/endurance/kill.ts [ROUNDS] [ours|reference].
 * Prints what of the acknowledged is not in the files.
 */
import { Effect } from "effect"
import { setup } from "../support/bundle.ts"
import { round } from "./acknowledged.ts"

const [rounds = "500", kind = "ours"] = process.argv.slice(2)

const program = Effect.gen(function* () {
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

await setup()
await Effect.runPromise(program)
