/**
 * The parts of the URLs that name a relay, whoever dials it: scheme, host, ports, path. What they mean is said by
 * `target/Destination` and `viewer/ViewerUrl`. Pure: names are resolved when dialling.
 */
import { Result, Schema } from "effect"

/** A URL that names no relay: `reason` says which part. */
export class UrlRefused extends Schema.TaggedError<UrlRefused>()("UrlRefused", {
  url: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.url}: ${this.reason}`
  }
}

/** Why a URL of another scheme is refused if a certificate is given with it: it was meant to be used. */
export const tlsWanted = "certificates are for tls://"

/** The parts of any URL that names a relay. */
export interface UrlParts {
  readonly scheme: string
  readonly family: 4 | 6
  readonly host: string
  /** The ports in the order written; `undefined` where one is empty. */
  readonly ports: ReadonlyArray<number | undefined>
  /** What follows the first slash after host and ports. */
  readonly path: string
}

/** A rough test: dialling finds out whether it really is one. */
const isIPv6 = (host: string) => /^[0-9a-f:]*:[0-9a-f:.]*(?:%\w+)?$/i.test(host)

const pattern = /^(net|tcp|tls)([46]?):\/\/(\[[^\]]*\]|[^:/[\]]*)((?::[^:/]*)*)(?:\/(.*))?$/is

export const split = (url: string): Result.Result<UrlParts, UrlRefused> => {
  const refuse = (reason: string) => Result.fail(new UrlRefused({ url, reason }))
  const found = pattern.exec(url)
  if (found === null) return refuse("not a URL like net://HOST[:PORT]")
  const [, scheme = "", version = "", hostText = "", portsText = "", path = ""] = found
  const host = hostText.startsWith("[") ? hostText.slice(1, -1) : hostText
  if (host === "") return refuse(portsText.startsWith("::") ? "an IPv6 address is in brackets" : "no host")
  if (hostText.startsWith("[") && !isIPv6(host)) return refuse(`${host} is not an IPv6 address`)
  const ports: Array<number | undefined> = []
  for (const text of portsText.split(":").slice(1)) {
    const port = Number(text)
    if (!/^\d*$/.test(text) || port > 65_535 || /^0+$/.test(text)) return refuse(`${text} is not a port`)
    ports.push(text === "" ? undefined : port)
  }
  const family = version === "6" || isIPv6(host) ? 6 : 4
  return Result.succeed({ scheme: scheme.toLowerCase(), family, host, ports, path })
}
