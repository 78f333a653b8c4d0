/**
 * Two edges before a relay, their links, and the second one killed: node test/endurance/chain.ts [EVENTS] [CUTS]
 * [KILLS]. Prints what was recorded; 100000 20 5 is 20 cuts of each link, 5 kills of the edge between, 4 restarts of
 * the relay.
 */
import { Effect } from "effect"
import { setup } from "../support/bundle.ts"
import { endure } from "./chains.ts"

const [events = "100000", cuts = "20", kills = "5"] = process.argv.slice(2)

await setup()
const outcome = await Effect.runPromise(
  endure({ events: Number(events), cuts: Number(cuts), kills: Number(kills), restarts: 4 })
)
process.stdout.write(`${JSON.stringify(outcome, undefined, 1)}\n`)
const isWhole = outcome.recorded === Number(events) && outcome.breaks.length + outcome.discarded.length === 0
process.exitCode = isWhole ? 0 : 1
