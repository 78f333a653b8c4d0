/** Stand-in until the relay's layer exists: three listeners that accept and say nothing. */
import { createServer, type Server } from "node:net"
import { Effect } from "effect"
import type { ListenAddress } from "../config/RelayConfig.ts"
import { DaemonFailed } from "./DaemonFailed.ts"
import type { StartRelay } from "./Serve.ts"

const listen = (name: string, address: ListenAddress) =>
  Effect.acquireRelease(
    Effect.callback<Server, DaemonFailed>((resume) => {
      const server = createServer((socket) => socket.on("error", () => undefined).resume())
      server.once("error", (error) =>
        resume(Effect.fail(new DaemonFailed({ message: `Failed to bind ${name} socket: ${error.message}` })))
      )
      server.listen({ host: address.host, port: address.port, backlog: 64 }, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  ).pipe(
    Effect.map((server) => {
      const bound = server.address()
      return { host: address.host, port: typeof bound === "object" && bound !== null ? bound.port : 0 }
    })
  )

export const startRelay: StartRelay = (config) =>
  Effect.all({
    control: listen("control", config.control),
    data: listen("data", config.data),
    live: listen("live", config.live)
  })
