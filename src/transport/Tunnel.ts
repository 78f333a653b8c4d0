/**
 * Plain connections here, each carried over one of TLS to a relay: bytes both ways as they come, at the pace of who
 * reads them, and an end of one direction as that. Nothing is understood, nothing kept but what two sockets hold.
 */
import * as net from "node:net"
import { Effect, FiberSet, type Scope } from "effect"
import { type Address, type DialFailed, open } from "./Dial.ts"
import type { TlsFailed } from "./DialTls.ts"
import { ListenFailed } from "./Listener.ts"
import type { Role } from "./Tls.ts"

export interface Options {
  readonly role: Role
  /** A place, or a socket that is bound already. */
  readonly listen: { readonly host: string; readonly port: number } | { readonly fd: number }
  /** Asked for each connection: a certificate may be another one by then. */
  readonly to: () => Address
  /** A connection could not be carried; it was reset. */
  readonly onFailed: (error: DialFailed | TlsFailed) => void
}

/** A relay that is gone without a word is found out within two minutes, as a relay finds out targets. */
const keepAliveMillis = 40_000

/** Both directions, until both have ended or either breaks. */
const join = (near: net.Socket, far: net.Socket): Effect.Effect<void> =>
  Effect.callback((resume) => {
    let open = 2
    const onClose = (other: net.Socket) => (hadError: boolean) => {
      // What is on its way to the other is delivered, unless there was no end but a break.
      if (hadError || !other.writableEnded) other.destroy()
      if (--open === 0) resume(Effect.void)
    }
    near.on("close", onClose(far))
    far.on("close", onClose(near))
    if (near.closed) far.destroy()
    near.pipe(far)
    far.pipe(near)
  })

const carry = (near: net.Socket, { onFailed, role, to }: Options): Effect.Effect<void> =>
  Effect.gen(function* () {
    const far = yield* Effect.acquireRelease(open(to(), role, true), (socket) => Effect.sync(() => socket.destroy()), {
      interruptible: true
    })
    far.setKeepAlive(true, keepAliveMillis)
    yield* join(near, far)
  }).pipe(
    Effect.scoped,
    Effect.catch((error) =>
      Effect.sync(() => {
        onFailed(error)
        near.resetAndDestroy()
      })
    ),
    Effect.ensuring(Effect.sync(() => near.destroy()))
  )

/** Carries connections until the scope closes; answers the port that is listened on. */
export const listen = (options: Options): Effect.Effect<number, ListenFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const run = yield* FiberSet.runtime(yield* FiberSet.make<void>())<never>()
    const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (near) => {
      near.on("error", () => undefined)
      run(carry(near, options))
    })
    yield* Effect.acquireRelease(
      Effect.callback<void, ListenFailed>((resume) => {
        const onError = ({ code = "", message }: NodeJS.ErrnoException) =>
          resume(Effect.fail(new ListenFailed({ port: options.role, code, message })))
        server.once("error", onError)
        server.listen(options.listen, () => {
          server.off("error", onError)
          // Such as no descriptor for one more connection: the others go on.
          server.on("error", () => undefined)
          resume(Effect.void)
        })
      }),
      () => Effect.sync(() => server.close())
    )
    return (server.address() as net.AddressInfo).port
  })
