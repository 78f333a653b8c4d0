/** Where viewers find a relay whose operator's port was asked, as its options say it. Pure. */
import { Option, Schema } from "effect"
import type { Address } from "../../transport/Dial.ts"

const Live = Schema.Struct({ host: Schema.String, port: Schema.Int })
const Configuration = Schema.Struct({
  relay: Schema.Struct({ live: Live }),
  tls: Schema.optional(Schema.Struct({ live: Schema.String }))
})

const isWildcard = (host: string): boolean => host === "0.0.0.0" || host === "::"
const isNear = (host: string): boolean => /^(localhost|\[?::1\]?|127\..*|)$/.test(host)

/**
 * `configuration` is what the relay answered, `url` what was asked; undefined: it says no such place, or one that only
 * the relay's own host reaches, which is another one.
 */
export const addressOf = (configuration: unknown, url: string): Address | undefined => {
  const said = Option.getOrUndefined(Schema.decodeUnknownOption(Configuration)(configuration))
  const asked = new URL(url).hostname
  if (said === undefined || (isNear(said.relay.live.host) && !isNear(asked))) return undefined
  const { host, port } = said.relay.live
  const found = isWildcard(host) ? asked.replace(/^\[|\]$/g, "") || "localhost" : host
  const isSecured = said.tls?.live === "require" || (said.tls?.live === "allow" && url.startsWith("https:"))
  return { host: found, port, ...(isSecured && { tls: {} }) }
}
