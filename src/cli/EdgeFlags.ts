/** What `lttng-relay edge` and its subcommands are told alike. */
import { Flag } from "effect/cli"

const spoolDefault = "/var/spool/lttng-edge"

export const spool = Flag.String("spool").pipe(
  Flag.withDefault(spoolDefault),
  Flag.withDescription(`Directory for what the relay does not have yet (default: ${spoolDefault})`)
)
