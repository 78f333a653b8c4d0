/** A service whose orderly stop never ends: what a second signal is for. */
import { Effect } from "effect"
import * as Diagnostics from "../../src/cli/Diagnostics.ts"

const stuck = Effect.andThen(
  Effect.sync(() => process.stdout.write("stuck\n")),
  Effect.never
)
const ready = Effect.sync(() => process.stdout.write("ready\n"))

Diagnostics.runMain(Diagnostics.service(Effect.ensuring(Effect.andThen(ready, Effect.never), stuck)))
