/**
 * URLs of live sessions: `net://HOST[:PORT]` names a relay, `net://HOST[:PORT]/host/TARGETHOST/SESSION` a session;
 * `tls://` the same over TLS.
 */
import { Result } from "effect"
import type { Address } from "../transport/Dial.ts"
import { split, UrlRefused } from "../transport/RelayUrl.ts"

/** A session as its URL names it. */
export interface SessionName {
  readonly hostname: string
  readonly sessionName: string
}

/** What a viewer's URL names: a relay, and a session of it. */
export interface ViewerUrl {
  readonly address: Address
  /** Undefined where the URL names the relay only. */
  readonly session: SessionName | undefined
}

/** The port of viewers where a URL names none. */
export const portDefault = 5344

/** A URL `net://HOST[:PORT][/host/HOSTNAME/SESSION]`; fails with `UrlRefused`. */
export const parse = (url: string): Result.Result<ViewerUrl, UrlRefused> =>
  Result.flatMap(split(url), ({ family, host, path, ports, scheme }): Result.Result<ViewerUrl, UrlRefused> => {
    const refuse = (reason: string) => Result.fail(new UrlRefused({ url, reason }))
    if (ports.length > 1) return refuse("more than one port")
    const plain = { host, family, port: ports[0] ?? portDefault }
    const address = scheme === "tls" ? { ...plain, tls: {} } : plain
    if (path === "") return Result.succeed({ address, session: undefined })
    const [keyword, hostname = "", sessionName = "", ...more] = path.split("/")
    if (keyword !== "host" || hostname === "" || sessionName === "" || more.length > 0) {
      return refuse("a session is /host/TARGETHOST/SESSION")
    }
    return Result.succeed({ address, session: { hostname, sessionName } })
  })

/** The URL of a session, as babeltrace2 takes it. */
export const format = ({ host, port, tls }: Address, { hostname, sessionName }: SessionName): string =>
  `${tls === undefined ? "net" : "tls"}://${host.includes(":") ? `[${host}]` : host}:${port}/host/${hostname}/${sessionName}`
