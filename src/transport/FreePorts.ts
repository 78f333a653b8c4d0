/** Whether ports could be listened on: bound for a moment, since nothing else knows what the system refuses. */
import { createServer, type Server } from "node:net"
import * as SystemError from "../errors/SystemError.ts"

export interface Place {
  readonly name: string
  readonly host: string
  readonly port: number
  /** Descriptor of a socket that is bound already: only listening is tried. */
  readonly descriptor?: number | undefined
}

const bind = ({ descriptor, host, port }: Place): Promise<Server | string> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once("error", (cause) => resolve(SystemError.reasonOf(cause)))
    server.listen(descriptor === undefined ? { host, port } : { fd: descriptor }, () => resolve(server))
  })

/** One line for each place that cannot be listened on. All are held at once, since two may be the same. */
export const complaints = async (places: ReadonlyArray<Place>): Promise<ReadonlyArray<string>> => {
  const said: Array<string> = []
  const held: Array<Server> = []
  for (const place of places) {
    const { host, name, port } = place
    const result = await bind(place)
    if (typeof result === "string") said.push(`The ${name} port ${host}:${port} is not to be had: ${result}`)
    else held.push(result)
  }
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))))
  return said
}
