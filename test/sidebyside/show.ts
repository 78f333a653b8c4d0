/**
 * Prints what one relay makes of the scenarios whose name contains a text:
 * `node test/sidebyside/show.ts reference|ours [text]`.
 */
import { Effect } from "effect"
import * as Scenario from "./scenario.ts"
import { scenarios } from "./scenarios/index.ts"

const [kind = "reference", text = ""] = process.argv.slice(2)
const program = Effect.forEach(
  scenarios.filter((scenario) => scenario.name.includes(text)),
  (scenario) =>
    Scenario.run(kind === "ours" ? "ours" : "reference", scenario).pipe(
      Effect.map(({ exit, transcript, tree }) =>
        console.log([`\n=== ${scenario.name}`, ...transcript, `--- ${exit}`, ...tree].join("\n"))
      ),
      Effect.catchCause((cause) => Effect.sync(() => console.log(`\n=== ${scenario.name}\n--- died`, cause)))
    )
)
await Effect.runPromise(program)
