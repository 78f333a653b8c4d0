/** The entry of `npm run bench` and `lttng-relay bench`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer } from "effect"
import { CliConfig, Command, GlobalFlag } from "effect/cli"
import * as Diagnostics from "../src/cli/Diagnostics.ts"
import * as Bench from "./Command.ts"

const builtIns = [GlobalFlag.Help, GlobalFlag.Completions]

/** `toolbox`: the program whose subcommand it is. */
export const main = (args: ReadonlyArray<string>, toolbox?: string): void => {
  const run =
    toolbox === undefined
      ? Command.runWith(Bench.command, { version: "" })(args)
      : Command.runWith(Command.make(toolbox).pipe(Command.withSubcommands([Bench.command])), { version: "" })([
          "bench",
          ...args
        ])
  // A terminal that goes away is Ctrl-C.
  process.once("SIGHUP", () => process.kill(process.pid, "SIGINT"))
  run.pipe(
    Diagnostics.withStatus,
    Effect.provide(Layer.mergeAll(NodeServices.layer, CliConfig.layer({ builtIns }), Diagnostics.layer)),
    Diagnostics.runMain
  )
}

if (import.meta.main) main(process.argv.slice(2))
