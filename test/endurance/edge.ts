/**
 * Edges, links and relays that go, for long: node test/endurance/edge.ts [ROUNDS] [EVENTS].
 * Prints what was lost; 20 rounds are a million events, 100 cuts, 20 restarts, 20 kills of the relay, 20 of the edge.
 */
import { Effect } from "effect"
import { setup } from "../support/bundle.ts"
import { endure } from "./edges.ts"

const [rounds = "20", events = "50000"] = process.argv.slice(2)

await setup()
const outcome = await Effect.runPromise(
  endure({
    rounds: Number(rounds),
    events: Number(events),
    cuts: 5,
    onRound: (line) => process.stdout.write(`${line}\n`)
  })
)
process.stdout.write(`${JSON.stringify(outcome, undefined, 1)}\n`)
process.exitCode = outcome.lost.length === 0 ? 0 : 1
