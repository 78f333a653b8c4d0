/**
 * Carries each plain connection made here over a TLS connection to a relay: bytes both ways as they come, at the pace
 * of their reader, and an end of one direction as that. It understands nothing, and keeps only what two sockets hold.
 */
import * as net from "node:net"
import { Effect, FiberSet, type Scope } from "effect"
import { clockMillis } from "../Machine.ts"
import { type Address, type DialFailed, nameOf, opened } from "./Dial.ts"
import { backlog, bindRefusal, ListenFailed, portOf } from "./Listener.ts"
import { refusalOf, reset, type TlsFailed } from "./tls/DialTls.ts"
import type { Role } from "./tls/Tls.ts"

export interface Options {
  readonly role: Role
  /** Where to listen: an address, or the descriptor of a socket that is bound already. */
  readonly listen: { readonly host: string; readonly port: number } | { readonly fd: number }
  /** Called for each connection: the certificate may have been replaced since the last. */
  readonly to: () => Address
  /** Called when a connection could not be carried: it was reset, or ended where coming again would be no use. */
  readonly onFailed: (error: DialFailed | TlsFailed) => void
}

interface Refusing extends Pick<Options, "onFailed"> {
  readonly refusal: () => TlsFailed
}

/** A relay that vanished without a word is noticed within two minutes, as a relay notices that targets have. */
const keepAliveMillis = 40_000

/**
 * Carries both directions, until both have ended or either breaks: then so does the other. Where the far side ends the
 * connection as if it refuses us, that is told, and the near one only ends.
 */
const join = (near: net.Socket, far: net.Socket, { onFailed, refusal }: Refusing): Effect.Effect<void, TlsFailed> =>
  Effect.callback((resume) => {
    // Between the handshake and now.
    if (far.destroyed) return resume(Effect.fail(refusal()))
    let breakOff = (): void => void near.resetAndDestroy()
    whenRefused(far, near, () => {
      breakOff = () => end(near)
      onFailed(refusal())
    })
    let open = 2
    const onClose = (other: net.Socket, breakOff: () => void) => (hadError: boolean) => {
      // What is on its way to the other side is delivered, unless this side broke instead of ending.
      if (hadError && !other.destroyed) breakOff()
      else if (!other.writableEnded) other.destroy()
      if (--open === 0) resume(Effect.void)
    }
    near.on(
      "close",
      onClose(far, () => reset(far))
    )
    far.on(
      "close",
      onClose(near, () => breakOff())
    )
    if (near.closed) far.destroy()
    near.pipe(far)
    far.pipe(near)
  })

/** A relay that refuses our certificate ends the connection within this time after the handshake. */
const refusedMillis = 1000

/** An alert of the other side, or what is seen in its place if the other side is gone when we write. */
const refusals = /^(ERR_SSL_.*ALERT|ECONNRESET$|EPIPE$)/

/** Calls `then` if the far side ends the connection at once, without a word. */
const whenRefused = (far: net.Socket, near: net.Socket, then: () => void): void => {
  const from = clockMillis()
  let isRefusal = true
  const onError = ({ code = "" }: NodeJS.ErrnoException) => {
    isRefusal = refusals.test(code)
  }
  const forget = () => void far.off("end", onEnd).off("close", onEnd).off("error", onError)
  const onEnd = () => {
    forget()
    if (isRefusal && !near.readableEnded && clockMillis() - from < refusedMillis) then()
  }
  far.once("end", onEnd).once("close", onEnd).once("error", onError).once("data", forget)
}

/** True if the other side was reached and coming again would be no use: this is told as an end, all else as a break. */
const isRefused = (error: DialFailed | TlsFailed): boolean => error._tag === "TlsFailed" && error.kind !== "handshake"

const end = (near: net.Socket): void => void near.end(() => near.destroy())

const ended = (near: net.Socket): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (near.closed) return resume(Effect.void)
    near.once("close", () => resume(Effect.void))
    end(near)
  })

const carry = (near: net.Socket, { onFailed, role, to }: Options): Effect.Effect<void> =>
  Effect.gen(function* () {
    const address = to()
    const far = yield* opened({ address, role, isHalfOpen: true }, (socket) => Effect.sync(() => socket.destroy()))
    far.setKeepAlive(true, keepAliveMillis)
    const refusal = () => refusalOf(nameOf(address), address.tls ?? {})
    yield* join(near, far, { onFailed, refusal })
  }).pipe(
    Effect.scoped,
    Effect.catch((error) =>
      Effect.suspend(() => {
        onFailed(error)
        if (isRefused(error)) return ended(near)
        near.resetAndDestroy()
        return Effect.void
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
    return yield* Effect.acquireRelease(
      Effect.callback<number, ListenFailed>((resume) => {
        const fail = (code: string, message: string) => {
          server.close()
          resume(Effect.fail(new ListenFailed({ port: options.role, code, message })))
        }
        const { listen } = options
        const wrong = "fd" in listen ? `${options.role}: descriptor ${listen.fd} is no TCP socket that can listen` : ""
        const onError = (cause: NodeJS.ErrnoException) =>
          fail(cause.code ?? "", "fd" in listen ? wrong : bindRefusal(options.role, listen, cause))
        server.once("error", onError)
        server.listen(listen, backlog, () => {
          server.off("error", onError)
          // For instance there is no descriptor for one more connection: the others go on.
          server.on("error", () => undefined)
          const port = portOf(server)
          // A unix socket has no port.
          if (port === undefined) fail("EINVAL", wrong)
          else resume(Effect.succeed(port))
        })
      }),
      () => Effect.sync(() => server.close())
    )
  })
