/**
 * Prints what one relay makes of the scenarios, of targets or viewers, whose name contains a text:
 * `node test/sidebyside/show.ts reference|ours [text]`.
 */
import { Effect } from "effect"
import * as Viewing from "../live/scenario.ts"
import { scenarios as viewings } from "../live/scenarios/index.ts"
import * as Scenario from "./scenario.ts"
import { scenarios } from "./scenarios/index.ts"

const [relay = "reference", text = ""] = process.argv.slice(2)
const kind = relay === "ours" ? "ours" : "reference"

const runs = [
  ...scenarios.map((scenario) => ({ name: scenario.name, run: Scenario.run(kind, scenario) })),
  ...viewings.map((viewing) => ({
    name: viewing.name,
    run: Effect.map(Viewing.run(kind, viewing, viewing.oursOnly === undefined ? 4 : 15), (run) => ({
      ...run,
      tree: []
    }))
  }))
]
const program = Effect.forEach(
  runs.filter(({ name }) => name.includes(text)),
  ({ name, run }) =>
    run.pipe(
      Effect.map(({ exit, transcript, tree }) =>
        console.log([`\n=== ${name}`, ...transcript, `--- ${exit}`, ...tree].join("\n"))
      ),
      Effect.catchCause((cause) => Effect.sync(() => console.log(`\n=== ${name}\n--- died`, cause)))
    )
)
await Effect.runPromise(program)
