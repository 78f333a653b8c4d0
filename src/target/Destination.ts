/**
 * Where a recording session streams to, in the URLs of `lttng create`: `net://HOST[:CONTROL[:DATA]][/SUBDIR]` for both
 * ports, or a `tcp://` pair for control and data; `tls://HOST[:CONTROL[:DATA]][/SUBDIR]`, where one port is for both.
 * Pure: names are resolved when dialling, not here.
 */
import { Result } from "effect"
import { split, type UrlParts, UrlRefused } from "../transport/RelayUrl.ts"
import type { ClientIdentity } from "../transport/tls/Tls.ts"

/** A relay's two ports, and the directory a session asks for. */
export interface Destination {
  readonly host: string
  readonly family: 4 | 6
  readonly controlPort: number
  readonly dataPort: number
  /** Becomes the session's directory below the host's; "" lets the relay choose one by session name and time. */
  readonly basePath: string
  /** Undefined: plain TCP. */
  readonly tls?: ClientIdentity
}

const controlPortDefault = 5342
const dataPortDefault = 5343
const basePathBytesMax = 4095

const checked = (url: string, destination: Destination): Result.Result<Destination, UrlRefused> => {
  const { basePath, controlPort, dataPort, tls } = destination
  const refuse = (reason: string) => Result.fail(new UrlRefused({ url, reason }))
  if (controlPort === dataPort && tls === undefined) return refuse("control and data cannot share a port")
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

/** A relay takes both parts of a session on any port of TLS. */
const ofTls = (url: string, { family, host, path, ports }: UrlParts) => {
  const controlPort = ports[0] ?? controlPortDefault
  return ports.length > 2
    ? Result.fail(new UrlRefused({ url, reason: "more than two ports" }))
    : checked(url, { host, family, controlPort, dataPort: ports[1] ?? controlPort, basePath: path, tls: {} })
}

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

/** One `net://` or `tls://` URL, or a `tcp://` URL for control with another for data. */
export const parse = (url: string, dataUrl?: string): Result.Result<Destination, UrlRefused> =>
  Result.flatMap(split(url), (control) => {
    if (control.scheme !== "tcp") {
      if (dataUrl !== undefined && dataUrl !== url) {
        return Result.fail(new UrlRefused({ url: dataUrl, reason: `${control.scheme}:// names both ports already` }))
      }
      return control.scheme === "net" ? ofNet(url, control) : ofTls(url, control)
    }
    if (dataUrl === undefined) return Result.fail(new UrlRefused({ url, reason: "tcp:// needs a data URL too" }))
    return Result.flatMap(split(dataUrl), (data) => ofPair(url, control, data))
  })
