/** Whether a port could be listened on: it is, for the moment it takes to see that. */
import * as net from "node:net"
import { Effect } from "effect"
import * as SystemError from "../errors/SystemError.ts"

/** Why not, in the system's words; undefined: it could. */
export const refusal = (host: string, port: number): Effect.Effect<string | undefined> =>
  Effect.callback((resume) => {
    const server = net.createServer()
    server.once("error", (cause) => resume(Effect.succeed(SystemError.reasonOf(cause))))
    server.listen({ host, port }, () => server.close(() => resume(Effect.succeed(undefined))))
  })
