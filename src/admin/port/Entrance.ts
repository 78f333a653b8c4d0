/**
 * A server for HTTP whose connections come by the relay's doors: with TLS or a proxy's header before the first request;
 * also connections to other ports that asked for HTTP by name.
 *
 * The runtime's server has its own listener for connections, which is put behind the door. If that is not found as
 * expected, the server is a plain one without a door.
 */
import type * as http from "node:http"
import type * as net from "node:net"
import { Effect, type Scope } from "effect"
import { Relay, type Visitor } from "../../Relay.ts"
import type * as Crowd from "./Crowd.ts"

export interface Entrance {
  readonly server: http.Server
  readonly visitorOf: (socket: object) => Visitor | undefined
}

type Serve = (this: http.Server, socket: net.Socket) => void

/** The server's own listener for connections; undefined if there is not exactly one. */
export const listenerOf = (server: http.Server): Serve | undefined => {
  const [serve, ...more] = server.listeners("connection")
  return serve === undefined || more.length > 0 ? undefined : (serve as Serve)
}

/** Puts `server` behind a door: it gets the connections for HTTP, whichever port they came to. */
export const make = (server: Crowd.CrowdServer): Effect.Effect<Entrance, never, Relay | Scope.Scope> =>
  Effect.gen(function* () {
    const { openHttp } = yield* Relay
    const visitors = new WeakMap<object, Visitor>()
    const open = new Set<net.Socket>()
    const serve = listenerOf(server)
    const enter = (socket: net.Socket) => server.enter(socket)
    if (serve === undefined) {
      server.on("connection", enter)
      const plain: Entrance = { server, visitorOf: () => undefined }
      return plain
    }
    const door = yield* openHttp((visitor: Visitor) => {
      const { socket } = visitor
      enter(socket)
      open.add(socket)
      socket.once("close", () => open.delete(socket))
      visitors.set(socket, visitor)
      serve.call(server, socket)
    })
    server.removeListener("connection", serve)
    server.on("connection", door)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const socket of open) socket.destroy()
      })
    )
    const entrance: Entrance = { server, visitorOf: (socket) => visitors.get(socket) }
    return entrance
  })
