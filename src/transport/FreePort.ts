/** Whether a port could be listened on: it is, for the moment it takes to see that. */
import * as net from "node:net"
import { Effect } from "effect"

/** Why not; undefined: it could. */
export const refusal = (host: string, port: number): Effect.Effect<string | undefined> =>
  Effect.callback((resume) => {
    const server = net.createServer()
    server.once("error", ({ message }) => resume(Effect.succeed(message)))
    server.listen({ host, port }, () => server.close(() => resume(Effect.succeed(undefined))))
  })
