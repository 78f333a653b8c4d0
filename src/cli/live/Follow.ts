/** `lttng-relay follow`: what a live session records, as it happens: its event records, or its packets. */
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import * as EventOptions from "../EventOptions.ts"
import * as Flags from "../Flags.ts"
import { Misused } from "../Misused.ts"
import * as Output from "../Output.ts"
import * as FollowEvents from "./FollowEvents.ts"
import * as FollowPackets from "./FollowPackets.ts"
import * as Watch from "./Watch.ts"

const config = {
  ...Watch.flags("last"),
  again: Watch.again,
  ...Flags.of({ format: EventOptions.format, ...EventOptions.options }),
  packets: Flags.toggle(
    "packets",
    "Streams, metadata, packets and inactivity, then counters per stream; no event records"
  ),
  quiet: Flags.toggle("quiet", "With --packets: print the counters at the end only").pipe(Flag.withAlias("q")),
  json: Output.jsonFlag.pipe(Flag.withDescription("Print JSON, one value a line: the same as --format=ndjson"))
}

/** Why options do not go together. Whoever gives those that choose events would believe that it was done. */
const misuse = ({ event, packets, quiet, where }: Flags.Given<typeof config>): string | undefined => {
  if (!packets) return quiet ? "--quiet is for --packets: it prints their counters only" : undefined
  if (event.length > 0) return "--packets shows no event records: --event cannot choose among them"
  return where.length > 0 ? "--packets shows no event records: --where cannot choose among them" : undefined
}

export const command = Command.make("follow", config, (input) => {
  const reason = misuse(input)
  if (reason !== undefined) return Output.reported(Effect.fail(new Misused(reason)))
  const isJson = input.json || input.format === "ndjson"
  const asked = { ...input, json: isJson, format: isJson ? ("ndjson" as const) : input.format }
  return Output.reported(Effect.scoped(input.packets ? FollowPackets.run(asked) : FollowEvents.run(asked)))
}).pipe(
  Command.withDescription(
    "Watch a live session: its event records in order over all streams, as babeltrace2 prints them"
  ),
  Command.withExamples([
    { command: "lttng-relay follow net://localhost/host/web1/my-session", description: "Until the session ends" },
    {
      command: "lttng-relay follow --event='sched_*' --where='prev_tid == 1234' URL",
      description: "Some event records only"
    },
    { command: "lttng-relay follow --packets URL", description: "Packets and counters instead of event records" }
  ])
)
