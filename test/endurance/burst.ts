/**
 * A burst before an edge and a slow link: node test/endurance/burst.ts [MEGABYTES] [MEGABITS A SECOND] [OPTION]...
 * Options are the edge's. The usual one takes 35 minutes, and no processor.
 */
import { Effect } from "effect"
import { setup } from "../support/bundle.ts"
import { burst } from "./bursts.ts"

const [megabytes = "500", megabitsPerSecond = "2", ...edge] = process.argv.slice(2)

await setup()
const options = { megabytes: Number(megabytes), megabitsPerSecond: Number(megabitsPerSecond), edge }
const outcome = await Effect.runPromise(burst({ ...options, onStep: (line) => process.stdout.write(`${line}\n`) }))
process.stdout.write(`${JSON.stringify(outcome, undefined, 1)}\n`)
