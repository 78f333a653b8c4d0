/** Where viewers find a relay whose operator's port was asked, as its options say it. Pure. */
import { Option, Schema } from "effect"
import type { Address } from "../../transport/Dial.ts"
import { isAny, isLoopback } from "../Hosts.ts"

const Live = Schema.Struct({ host: Schema.String, port: Schema.Int })
const Configuration = Schema.Struct({
  relay: Schema.Struct({ live: Live }),
  tls: Schema.optional(Schema.Struct({ live: Schema.String }))
})

/**
 * `configuration` is what the relay answered, `url` what was asked; undefined: it says no such place, or one that only
 * the relay's own host reaches, which is another one.
 */
export const addressOf = (configuration: unknown, url: string): Address | undefined => {
  const said = Option.getOrUndefined(Schema.decodeUnknownOption(Configuration)(configuration))
  // A socket of this host has none.
  const asked = new URL(url).hostname.replace(/^\[|\]$/g, "") || "localhost"
  if (said === undefined || (isLoopback(said.relay.live.host) && !isLoopback(asked))) return undefined
  const { host, port } = said.relay.live
  const isSecured = said.tls?.live === "require" || (said.tls?.live === "allow" && url.startsWith("https:"))
  return { host: isAny(host) ? asked : host, port, ...(isSecured && { tls: {} }) }
}
