/** Whether ports could be listened on: bound for a moment, since nothing else knows what the system refuses. */
import { createServer, type Server } from "node:net"
import * as SystemError from "../../errors/SystemError.ts"

export interface Place {
  readonly name: string
  readonly host: string
  readonly port: number
  /** A socket that is there already: nothing is bound. */
  readonly descriptor?: number | undefined
}

const bind = ({ descriptor, host, port }: Place): Promise<Server | string> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once("error", (cause) => resolve(SystemError.reasonOf(cause)))
    server.listen(descriptor === undefined ? { host, port } : { fd: descriptor }, () => resolve(server))
  })

/** Those that cannot be had, with the system's reason. All are held at once: two of them may be the same. */
export const refusals = async <P extends Place>(
  places: ReadonlyArray<P>
): Promise<ReadonlyArray<P & { readonly reason: string }>> => {
  const refused: Array<P & { readonly reason: string }> = []
  const held: Array<Server> = []
  for (const place of places) {
    const result = await bind(place)
    if (typeof result === "string") refused.push({ ...place, reason: result })
    else held.push(result)
  }
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))))
  return refused
}
