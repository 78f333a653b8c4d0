/** Flags of `lttng-relay edge`, some of which its subcommands share. */
import { resolve } from "node:path"
import { Effect, Option } from "effect"
import { Flag } from "effect/cli"
import { daemonDefaults } from "../../config/DaemonOptions.ts"
import { priorityBoostMax } from "../../config/Value.ts"
import type * as Edge from "../../edge/Edge.ts"
import type * as Flags from "../Flags.ts"
import { Misused } from "../Misused.ts"
import * as Paths from "../Paths.ts"

const liveDefault = "127.0.0.1:5344"

/** Names a directory. An empty name, as of a variable that is not set, would be the working directory. */
const directory = (name: string) =>
  Paths.directoryFlag(name).pipe(
    Flag.filter(
      (value) => value !== "",
      () => "must name a directory"
    )
  )

export const copies = {
  copy: directory("copy").pipe(
    Flag.optional,
    Flag.withDescription("Record what tracers send below this directory too, and serve viewers of this host")
  ),
  live: Flag.String("live").pipe(
    Flag.withDefault(liveDefault),
    Flag.withDescription(`HOST:PORT for those viewers (default: ${liveDefault})`)
  )
}

type Copies = Flags.Given<typeof copies>

export const copyOf = ({ copy, live }: Copies): Effect.Effect<Edge.Options["copy"], Misused> => {
  if (Option.isNone(copy)) return Effect.succeed(undefined)
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(live) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port) > 65_535) {
    return Effect.fail(new Misused(`--live=${live}: expected HOST:PORT`))
  }
  const family = host.includes(":") ? 6 : 4
  return Effect.succeed({ directory: resolve(copy.value), live: { host, port: Number(port), family } })
}

export const priorityBoost = Flag.Int("priority-boost").pipe(
  Flag.withDefault(daemonDefaults.priorityBoost),
  Flag.filter(
    (value) => value >= 0 && value <= priorityBoostMax,
    () => `must be 0 to ${priorityBoostMax}`
  ),
  Flag.withDescription(
    `Where it may, the edge takes this from its niceness, so that tracers wait less (default: ${daemonDefaults.priorityBoost})`
  )
)

/** Longest name: with its NUL it has to fit into the command that opens a journal. */
const nameBytesMax = 255

export const edgeName = Flag.String("name").pipe(
  Flag.filter(
    (value) => value !== "" && Buffer.byteLength(value) <= nameBytesMax && !/\p{Cc}/u.test(value),
    () => `must be 1 to ${nameBytesMax} bytes, none of them a control character`
  ),
  Flag.optional,
  Flag.withDescription("How the relay shows this edge (default: the host's name)")
)

const spoolDefault = "/var/spool/lttng-edge"

export const spool = directory("spool").pipe(
  Flag.withDefault(spoolDefault),
  Flag.withDescription(`Directory for what the relay does not have yet (default: ${spoolDefault})`)
)
