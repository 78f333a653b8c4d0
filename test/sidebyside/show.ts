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
    Effect.map(Scenario.run(kind === "ours" ? "ours" : "reference", scenario), ({ exit, transcript, tree }) =>
      console.log([`\n=== ${scenario.name}`, ...transcript, `--- ${exit}`, ...tree].join("\n"))
    )
)
await Effect.runPromise(program)
