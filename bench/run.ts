/** The entry of `npm run bench` and `lttng-relay bench`. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer } from "effect"
import { CliConfig, Command, GlobalFlag } from "effect/cli"
import * as Diagnostics from "../src/cli/Diagnostics.ts"
import * as Bench from "./Command.ts"

const builtIns = [GlobalFlag.Help, GlobalFlag.Completions]

export const main = (args: ReadonlyArray<string>): void => {
  // A terminal that goes away is Ctrl-C.
  process.once("SIGHUP", () => process.kill(process.pid, "SIGINT"))
  Command.runWith(Bench.command, { version: "" })(args).pipe(
    Diagnostics.withStatus,
    Effect.provide(Layer.mergeAll(NodeServices.layer, CliConfig.layer({ builtIns }), Diagnostics.layer)),
    NodeRuntime.runMain
  )
}

if (import.meta.main) main(process.argv.slice(2))
