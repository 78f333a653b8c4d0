/**
 * Where a recording session streams to, in the URLs of `lttng create`: `net://HOST[:CONTROL[:DATA]][/SUBDIR]` for both
 * ports, or a `tcp://` pair for control and data. Pure: names are resolved when dialling, not here.
 */
import { Result, Schema } from "effect"

export class UrlRefused extends Schema.TaggedError<UrlRefused>()("UrlRefused", {
  url: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.url}: ${this.reason}`
  }
}

export interface Destination {
  readonly host: string
  readonly family: 4 | 6
  readonly controlPort: number
  readonly dataPort: number
  /** Becomes the session's directory below the host's; "" lets the relay choose one by session name and time. */
  readonly basePath: string
}

export const controlPortDefault = 5342
export const dataPortDefault = 5343
const basePathBytesMax = 4095

/** The parts any of our URLs is made of. */
export interface UrlParts {
  readonly scheme: string
  readonly family: 4 | 6
  readonly host: string
  /** As many as were written; `undefined` where empty. */
  readonly ports: ReadonlyArray<number | undefined>
  /** Behind the first slash. */
  readonly path: string
}

/** Roughly: whether it is one is for the dial to say. */
const isIPv6 = (host: string) => /^[0-9a-f:]*:[0-9a-f:.]*(?:%\w+)?$/i.test(host)

const pattern = /^(net|tcp)([46]?):\/\/(\[[^\]]*\]|[^:/[\]]*)((?::[^:/]*)*)(?:\/(.*))?$/is

export const split = (url: string): Result.Result<UrlParts, UrlRefused> => {
  const refuse = (reason: string) => Result.fail(new UrlRefused({ url, reason }))
  const found = pattern.exec(url)
  if (found === null) return refuse("not a URL like net://HOST[:PORT]")
  const [, scheme = "", version = "", hostText = "", portsText = "", path = ""] = found
  const host = hostText.startsWith("[") ? hostText.slice(1, -1) : hostText
  if (host === "") return refuse("no host")
  if (hostText.startsWith("[") && !isIPv6(host)) return refuse(`${host} is not an IPv6 address`)
  const ports: Array<number | undefined> = []
  for (const text of portsText.split(":").slice(1)) {
    const port = Number(text)
    if (!/^\d*$/.test(text) || port > 65_535) return refuse(`${text} is not a port`)
    ports.push(text === "" || port === 0 ? undefined : port)
  }
  const family = version === "6" || isIPv6(host) ? 6 : 4
  return Result.succeed({ scheme: scheme.toLowerCase(), family, host, ports, path })
}

const checked = (url: string, destination: Destination): Result.Result<Destination, UrlRefused> => {
  const { basePath, controlPort, dataPort } = destination
  const refuse = (reason: string) => Result.fail(new UrlRefused({ url, reason }))
  if (controlPort === dataPort) return refuse("control and data cannot share a port")
  if (basePath.split("/").includes("..")) return refuse("the path leaves the host's directory")
  if (Buffer.byteLength(basePath) > basePathBytesMax) return refuse("the path is too long")
  return Result.succeed(destination)
}

const ofNet = (url: string, { family, host, path, ports }: UrlParts) =>
  ports.length > 2
    ? Result.fail(new UrlRefused({ url, reason: "more than two ports" }))
    : checked(url, {
        host,
        family,
        controlPort: ports[0] ?? controlPortDefault,
        dataPort: ports[1] ?? dataPortDefault,
        basePath: path
      })

const ofPair = (url: string, control: UrlParts, data: UrlParts) => {
  const refuse = (reason: string) => Result.fail(new UrlRefused({ url, reason }))
  if (data.scheme !== "tcp") return refuse("the data URL must be tcp://")
  if (control.host !== data.host || control.family !== data.family) return refuse("control and data must share a host")
  if (control.ports.length > 1 || data.ports.length > 1) return refuse("more than one port")
  return checked(url, {
    host: control.host,
    family: control.family,
    controlPort: control.ports[0] ?? controlPortDefault,
    dataPort: data.ports[0] ?? dataPortDefault,
    basePath: control.path
  })
}

/** One `net://` URL, or a `tcp://` URL for control with another for data. */
export const parse = (url: string, dataUrl?: string): Result.Result<Destination, UrlRefused> =>
  Result.flatMap(split(url), (control) => {
    if (control.scheme === "net") {
      return dataUrl === undefined || dataUrl === url
        ? ofNet(url, control)
        : Result.fail(new UrlRefused({ url: dataUrl, reason: "net:// names both ports already" }))
    }
    if (dataUrl === undefined) return Result.fail(new UrlRefused({ url, reason: "tcp:// needs a data URL too" }))
    return Result.flatMap(split(dataUrl), (data) => ofPair(url, control, data))
  })
