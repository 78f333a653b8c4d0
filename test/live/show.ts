/** What one relay makes of the scenarios whose name contains a text: `node test/live/show.ts ours|reference [text]`. */
import { Effect } from "effect"
import * as Scenario from "./scenario.ts"
import { scenarios } from "./scenarios/index.ts"

const [kind = "reference", part = ""] = process.argv.slice(2)
const program = Effect.forEach(
  scenarios.filter(({ name }) => name.includes(part)),
  (scenario) =>
    Scenario.run(kind === "ours" ? "ours" : "reference", scenario, scenario.oursOnly === undefined ? 4 : 15).pipe(
      Effect.map((run) => console.log([`\n=== ${scenario.name}`, ...run.transcript, `--- ${run.exit}`].join("\n"))),
      Effect.catchCause((cause) => Effect.sync(() => console.log(`\n=== ${scenario.name}\n--- died`, cause)))
    )
)
await Effect.runPromise(program)
