/**
 * Applications that come and go, clears and snapshots by an edge, with real tracers:
 * node test/endurance/comer.ts [APPLICATIONS] [EVENTS] [CLEARS]
 */
import { Effect } from "effect"
import { setup } from "../support/bundle.ts"
import { comeAndGo } from "./comers.ts"

const [applications = 300, events = 2000, clears = 60] = process.argv.slice(2).map(Number)

await setup()
const onStep = (line: string) => void process.stdout.write(`${line}\n`)
const outcome = await Effect.runPromise(Effect.scoped(comeAndGo({ applications, events, clears, onStep })))
process.stdout.write(`${JSON.stringify(outcome, undefined, 1)}\n`)
process.exitCode = outcome.wrong.length === 0 ? 0 : 1
