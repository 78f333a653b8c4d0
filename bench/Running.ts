/** A relay that runs already, from its URL. */
import { Result, Schema } from "effect"
import * as RelayUrl from "../src/transport/RelayUrl.ts"
import type { Ports } from "./Link.ts"

export class RelayRefused extends Schema.TaggedError<RelayRefused>()("RelayRefused", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

const defaults = [5342, 5343, 5344] as const

/** `net://HOST[:CONTROL[:DATA[:LIVE]]]`; the generator takes IPv4 addresses, and `localhost`. Throws. */
export const portsOf = (url: string): Ports => {
  const parts = Result.getOrThrowWith(RelayUrl.split(url), ({ message }) => new RelayRefused({ reason: message }))
  const { host, ports, scheme } = parts
  if (scheme !== "net" || parts.path !== "") throw new RelayRefused({ reason: `${url}: not like net://HOST[:PORT]` })
  const address = host === "localhost" ? "127.0.0.1" : host
  if (!/^\d+(\.\d+){3}$/.test(address)) throw new RelayRefused({ reason: `${url}: ${host} is not an IPv4 address` })
  const [control, data, live] = defaults.map((port, at) => ports[at] ?? port)
  return { host: address, control: control ?? 0, data: data ?? 0, live: live ?? 0 }
}
