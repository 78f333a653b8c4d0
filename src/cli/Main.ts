/** The toolbox: one program, one subcommand per file, of which one is loaded: it starts in a third of the time. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer } from "effect"
import { CliConfig, Command, GlobalFlag } from "effect/cli"
import * as Arguments from "../config/Arguments.ts"
import { packageVersion } from "../config/PackageVersion.ts"
import * as Diagnostics from "./Diagnostics.ts"

/** In the order of the help. */
const commands = {
  sessions: () => import("./operator/Sessions.ts"),
  follow: () => import("./live/Follow.ts"),
  record: () => import("./live/Record.ts"),
  replay: () => import("./streaming/Replay.ts"),
  load: () => import("./streaming/Load.ts"),
  bench: () => import("./Bench.ts"),
  show: () => import("./recorded/Show.ts"),
  export: () => import("./recorded/Export.ts"),
  drain: () => import("./operator/Drain.ts"),
  top: () => import("./operator/Top.ts"),
  support: () => import("./operator/Support.ts"),
  certs: () => import("./certs/Certs.ts"),
  tunnel: () => import("./tunnel/Tunnel.ts"),
  edge: () => import("./edge/Edge.ts"),
  check: () => import("./recorded/Check.ts"),
  repair: () => import("./recorded/Repair.ts")
}

const isCommand = (word: string): word is keyof typeof commands => Object.hasOwn(commands, word)

/** What loads the command of that name, or all of them: for help, completions and mistakes. */
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
  process.argv = [...process.argv.slice(0, 2), ...Arguments.ofProcess()]
  // The benchmark has its own help, and reads its arguments itself.
  if (process.argv[2] === "bench") return (await commands.bench()).run(process.argv.slice(3))
  const command = await root()
  command.pipe(
    Command.run({ version: packageVersion() }),
    Diagnostics.withStatus,
    Effect.provide(Layer.mergeAll(NodeServices.layer, CliConfig.layer({ builtIns }), Diagnostics.layer)),
    Diagnostics.runMain
  )
}
