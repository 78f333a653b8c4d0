/**
 * Lets one process at a time have a name, which is free again as soon as its owner is gone, however it went. It is the
 * name of an abstract unix socket, so it holds within one network name space, and on Linux only.
 */
import * as net from "node:net"
import { Effect, Schema, type Scope } from "effect"

/** Another process has the name. */
export class Claimed extends Schema.TaggedError<Claimed>()("Claimed", { name: Schema.String }) {}

const listening = (name: string): Effect.Effect<net.Server | undefined, Claimed> =>
  Effect.callback((resume) => {
    const server = net.createServer((socket) => socket.destroy())
    // Where the system has no such names, nothing is claimed, and that is no failure.
    server.once("error", ({ code }: NodeJS.ErrnoException) =>
      resume(code === "EADDRINUSE" ? Effect.fail(new Claimed({ name })) : Effect.succeed(undefined))
    )
    server.listen(`\0${name}`, () => resume(Effect.succeed(server.unref())))
  })

/** Claims the name until the scope closes. */
export const claim = (name: string): Effect.Effect<void, Claimed, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(listening(name), (server) => Effect.sync(() => server?.close())))
