/**
 * One process at a time: a name of this machine that is free again as soon as its owner is gone, however it went. It is
 * that of a unix socket in the abstract name space, so it holds for one network name space, and on Linux only.
 */
import * as net from "node:net"
import { Effect, Schema, type Scope } from "effect"

/** Another process has it. */
export class Claimed extends Schema.TaggedError<Claimed>()("Claimed", { name: Schema.String }) {}

const listening = (name: string): Effect.Effect<net.Server | undefined, Claimed> =>
  Effect.callback((resume) => {
    const server = net.createServer((socket) => socket.destroy())
    // Where there are no such names there is no claim either.
    server.once("error", ({ code }: NodeJS.ErrnoException) =>
      resume(code === "EADDRINUSE" ? Effect.fail(new Claimed({ name })) : Effect.succeed(undefined))
    )
    server.listen(`\0${name}`, () => resume(Effect.succeed(server.unref())))
  })

/** Until the scope closes. */
export const claim = (name: string): Effect.Effect<void, Claimed, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(listening(name), (server) => Effect.sync(() => server?.close())))
