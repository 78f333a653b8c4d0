/** The toolbox: one program, one subcommand per file. */
import { readFileSync } from "node:fs"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer } from "effect"
import { CliConfig, Command, GlobalFlag } from "effect/cli"
import * as Certs from "./Certs.ts"
import * as Check from "./Check.ts"
import * as Diagnostics from "./Diagnostics.ts"
import * as Drain from "./Drain.ts"
import * as Export from "./Export.ts"
import * as Follow from "./Follow.ts"
import * as Load from "./Load.ts"
import * as Record from "./Record.ts"
import * as Repair from "./Repair.ts"
import * as Replay from "./Replay.ts"
import * as Sessions from "./Sessions.ts"
import * as Show from "./Show.ts"

const packageVersion = (): string => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    readonly version: string
  }
  return manifest.version
}

const root = Command.make("lttng-relay").pipe(
  Command.withDescription(
    "Tools for LTTng relay daemons: look at live sessions, record, replay and load them, operate relays"
  ),
  Command.withSubcommands([
    Sessions.command,
    Follow.command,
    Record.command,
    Replay.command,
    Load.command,
    Show.command,
    Export.command,
    Drain.command,
    Certs.command,
    Check.command,
    Repair.command
  ])
)

const builtIns = [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions]

export const main = (): void =>
  root.pipe(
    Command.run({ version: packageVersion() }),
    Diagnostics.withStatus,
    Effect.provide(Layer.mergeAll(NodeServices.layer, CliConfig.layer({ builtIns }), Diagnostics.layer)),
    NodeRuntime.runMain
  )
