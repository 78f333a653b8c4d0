/**
 * Sockets that the first stage of a start (`bin/lttng-relayd.sh`) left listening, if the options ask for them.
 *
 * The first stage only guesses at the options: a socket that they do not ask for is closed before anything is bound.
 */
import { closeSync } from "node:fs"
import type { DaemonOptions } from "../../config/DaemonOptions.ts"
import type { ListenAddress } from "../../config/RelayConfig.ts"

/** Variable that the first stage sets, even if to nothing. */
const variable = "LTTNG_RELAYD_LISTENERS"

export interface Socket {
  readonly name: string
  readonly descriptor: number
  readonly host: string
  readonly port: number
}

const parse = (text: string): ReadonlyArray<Socket> =>
  text
    .split(",")
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [name = "", descriptor, host = "", port] = entry.split(" ")
      return { name, descriptor: Number(descriptor), host, port: Number(port) }
    })

/** Takes the sockets out of the environment, so that no child looks for them. */
export const take = (): ReadonlyArray<Socket> => {
  const text = process.env[variable] ?? ""
  delete process.env[variable]
  return parse(text)
}

const listensAt = ({ host, port }: Socket, address: ListenAddress): boolean =>
  address.family !== 6 && address.port === port && (address.host === "localhost" ? "127.0.0.1" : address.host) === host

export const close = (sockets: ReadonlyArray<Socket>): void => {
  for (const { descriptor } of sockets) closeSync(descriptor)
}

/** The options with the descriptors of the sockets that are where they say; closes the others. */
export const adopt = (options: DaemonOptions, sockets: ReadonlyArray<Socket>): DaemonOptions => {
  const { control, data, live } = options.relay
  const addresses: Readonly<Record<string, ListenAddress>> = { control, data, live }
  const fits = (socket: Socket) => {
    const address = addresses[socket.name]
    return address !== undefined && listensAt(socket, address)
  }
  close(sockets.filter((socket) => !fits(socket)))
  const adopted = sockets.filter(fits).map(({ name, descriptor }) => [name, { ...addresses[name], descriptor }])
  return { ...options, relay: { ...options.relay, ...Object.fromEntries(adopted) } }
}
