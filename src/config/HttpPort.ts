/** Where the operator's HTTP port listens: `tcp://HOST[:PORT]`, or `unix:///PATH`. Pure. */
import * as Url from "./Url.ts"

export const portDefault = 5345

export type HttpPort =
  | { readonly _tag: "Tcp"; readonly host: string; readonly port: number; readonly family: 4 | 6 }
  | { readonly _tag: "Unix"; readonly path: string }

/** The port that a URL names; a text says why the URL is refused. */
export const parse = (text: string): HttpPort | string => {
  const path = /^unix:\/\/(\/.+)$/.exec(text)?.[1]
  if (path !== undefined) return { _tag: "Unix", path }
  if (text.startsWith("unix:")) return `Not an absolute path: ${text}`
  const parsed = Url.parse(text)
  if (parsed._tag === "Refused") return parsed.message
  const { host, port, family } = parsed.url
  return { _tag: "Tcp", host, port: port === 0 ? portDefault : port, family }
}

/** The host's name or address in `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`; in lower case. */
export const nameOf = (host: string): string => {
  const bare = /^\[([^\]]*)\](?::\d*)?$/.exec(host)?.[1] ?? host.replace(/:\d*$/, "")
  return bare.toLowerCase().replace(/\.$/, "")
}

/** The names in a list with commas, in the form in which requests are compared with them. */
export const hosts = (text: string): ReadonlyArray<string> =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
    .map((name) => (Url.literalFamily(name) === 6 ? name.toLowerCase() : nameOf(name)))

/** Whether a request can ask by this name. */
export const isHostName = (name: string): boolean => /^[a-z0-9._-]+$/.test(name) || Url.literalFamily(name) === 6

/** Whether only this machine reaches the port. */
export const isLocal = (port: HttpPort): boolean =>
  port._tag === "Unix" || port.host === "::1" || /^127\.[\d.]+$/.test(port.host)
