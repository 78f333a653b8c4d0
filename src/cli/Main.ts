/** The toolbox: one program, one subcommand per file, of which one is loaded: it starts in a third of the time. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer } from "effect"
import { CliConfig, Command, GlobalFlag } from "effect/cli"
import * as Arguments from "../config/Arguments.ts"
import { packageVersion } from "../config/PackageVersion.ts"
import * as Diagnostics from "./Diagnostics.ts"

/** In the order of the help. */
const commands = {
  sessions: () => import("./Sessions.ts"),
  follow: () => import("./Follow.ts"),
  record: () => import("./Record.ts"),
  replay: () => import("./Replay.ts"),
  load: () => import("./Load.ts"),
  bench: () => import("./Bench.ts"),
  show: () => import("./Show.ts"),
  export: () => import("./Export.ts"),
  drain: () => import("./Drain.ts"),
  top: () => import("./Top.ts"),
  support: () => import("./Support.ts"),
  certs: () => import("./Certs.ts"),
  tunnel: () => import("./Tunnel.ts"),
  edge: () => import("./Edge.ts"),
  check: () => import("./Check.ts"),
  repair: () => import("./Repair.ts")
}

const isCommand = (word: string): word is keyof typeof commands => Object.hasOwn(commands, word)

/** Help, completions and mistakes take all of them. */
const wanted = (word: string) => (isCommand(word) ? [commands[word]] : Object.values(commands))

const root = async () => {
  const modules = await Promise.all(wanted(process.argv[2] ?? "").map((load) => load()))
  return Command.make("lttng-relay").pipe(
    Command.withDescription(
      "Tools for LTTng relay daemons: look at live sessions, record, replay and load them, operate relays"
    ),
    Command.withSubcommands(modules.map(({ command }) => command))
  )
}

const builtIns = [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions]

export const main = async (): Promise<void> => {
  process.argv.splice(2, process.argv.length, ...Arguments.ofProcess())
  // It has its own help, and takes an argument for what it is.
  if (process.argv[2] === "bench") return (await commands.bench()).run(process.argv.slice(3))
  const command = await root()
  command.pipe(
    Command.run({ version: packageVersion() }),
    Diagnostics.withStatus,
    Effect.provide(Layer.mergeAll(NodeServices.layer, CliConfig.layer({ builtIns }), Diagnostics.layer)),
    Diagnostics.runMain
  )
}
