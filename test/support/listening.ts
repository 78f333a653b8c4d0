/** A server of a test's own: on a port of loopback that the system chooses, until the scope closes. */
import type * as net from "node:net"
import { Effect, type Scope } from "effect"

/** Answers the port. Connections that are left end with the server. */
export const listening = (server: net.Server, host = "127.0.0.1"): Effect.Effect<number, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Set<net.Socket>>((resume) => {
      const sockets = new Set<net.Socket>()
      server.on("connection", (socket: net.Socket) => {
        sockets.add(socket.on("error", () => socket.destroy()))
        socket.once("close", () => sockets.delete(socket))
      })
      server.listen(0, host, () => resume(Effect.succeed(sockets)))
    }),
    (sockets) =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  ).pipe(Effect.map(() => (server.address() as net.AddressInfo).port))
