/** Where an edge listens for tracers, which is not where it leads to. */
import { networkInterfaces } from "node:os"
import { Result } from "effect"
import * as Activation from "../../config/Activation.ts"
import type { Options } from "../../edge/Edge.ts"
import { isAny, isLoopback } from "../Hosts.ts"
import { Misused } from "../Misused.ts"

export const listenDefault = "127.0.0.1:5342,5343"

interface Place {
  readonly host: string
  readonly port: number
  readonly family: 4 | 6
}

export const placesOf = (text: string): Result.Result<{ readonly control: Place; readonly data: Place }, Misused> => {
  const [, host = "", control = "5342", data = "5343"] = /^(\[[^\]]+\]|[^:]+)(?::(\d+),(\d+))?$/.exec(text) ?? []
  if (host === "" || Number(control) > 65_535 || Number(data) > 65_535) {
    return Result.fail(new Misused(`--listen=${text}: expected HOST or HOST:CONTROL,DATA`))
  }
  const plain = host.replace(/^\[|\]$/g, "")
  const place = (port: string): Place => ({ host: plain, port: Number(port), family: plain.includes(":") ? 6 : 4 })
  return Result.succeed({ control: place(control), data: place(data) })
}

type Listened = Pick<Options, "control" | "data" | "copy">

/** With the sockets that a service manager has bound, if it has. There is one for viewers only with a copy. */
export const activated = ({ control, copy, data }: Listened): Result.Result<Listened, Activation.SocketsRefused> => {
  const names = copy === undefined ? (["control", "data"] as const) : (["control", "data", "live"] as const)
  return Result.map(Activation.take<"control" | "data" | "live">(process.env, process.pid, names), (bound) => ({
    control: { ...control, descriptor: bound.get("control") },
    data: { ...data, descriptor: bound.get("data") },
    copy: copy && { ...copy, live: { ...copy.live, descriptor: bound.get("live") } }
  }))
}

const isHere = (host: string) =>
  isLoopback(host) || Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === host))

/** Whether an edge that leads to `to` would hear itself, again and again. */
export const leadsBack = (to: Pick<Place, "host" | "port">, own: Place): boolean => {
  if (to.port !== own.port) return false
  if (isAny(own.host)) return isHere(to.host)
  return to.host === own.host || (isLoopback(own.host) && isLoopback(to.host))
}
