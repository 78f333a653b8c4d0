/**
 * TCP keep-alive of accepted connections. The runtime sets all three values or none, so values that are not given are
 * read from the system's settings (daemon.md §4, §7).
 */
import { readFileSync } from "node:fs"
import type * as net from "node:net"

export interface KeepAlive {
  /** Silence before the first probe. */
  readonly idleSeconds: number
  readonly probeIntervalSeconds: number
  /** Probes without an answer after which the connection is gone. */
  readonly maxProbeCount: number
}

type Given = { readonly [Name in keyof KeepAlive]?: KeepAlive[Name] | undefined }

const systemNames: { readonly [Name in keyof KeepAlive]: string } = {
  idleSeconds: "tcp_keepalive_time",
  probeIntervalSeconds: "tcp_keepalive_intvl",
  maxProbeCount: "tcp_keepalive_probes"
}

/** Linux's defaults, for where the system's settings cannot be read. */
const usual: KeepAlive = { idleSeconds: 7200, probeIntervalSeconds: 75, maxProbeCount: 9 }

const readSystem = (name: string): string => readFileSync(`/proc/sys/net/ipv4/${name}`, "latin1")

const systemValue = (name: keyof KeepAlive, read: (name: string) => string): number => {
  try {
    const value = Number(read(systemNames[name]))
    return value > 0 ? value : usual[name]
  } catch {
    return usual[name]
  }
}

/** `given`, completed by the system's settings. */
export const complete = (given: Given, read = readSystem): KeepAlive => ({
  idleSeconds: given.idleSeconds ?? systemValue("idleSeconds", read),
  probeIntervalSeconds: given.probeIntervalSeconds ?? systemValue("probeIntervalSeconds", read),
  maxProbeCount: given.maxProbeCount ?? systemValue("maxProbeCount", read)
})

/** Runtimes before Node 24.21 ignore the last two, and probe ten times, once a second. */
type SetKeepAlive = (isEnabled: true, idleMillis: number, intervalMillis: number, probeCount: number) => void

export const apply = (socket: Pick<net.Socket, "setKeepAlive">, keepAlive: KeepAlive): void => {
  const set = socket.setKeepAlive.bind(socket) as SetKeepAlive
  set(true, keepAlive.idleSeconds * 1000, keepAlive.probeIntervalSeconds * 1000, keepAlive.maxProbeCount)
}
