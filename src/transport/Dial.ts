/**
 * An outgoing TCP connection as a scoped value: whole writes that wait for the peer, reads of an exact size.
 *
 * One fiber may read at a time. Bytes given to `write` must not change until the connection has sent them; bytes from
 * `read` are the caller's. A closing scope first sends what was given to `write`, for a limited time.
 */
import type * as net from "node:net"
import { Effect, Schema, type Scope } from "effect"
import { setTimeout } from "../Machine.ts"
import { writeNow } from "../thread/Descriptor.ts"
import * as Attempts from "./Attempts.ts"
import { descriptorOf } from "./ReceiveInto.ts"
import type { Blame, TlsFailed, Options as TlsOptions } from "./tls/DialTls.ts"
import { type ClientIdentity, type Role, reasonOf } from "./tls/Tls.ts"
import * as Unread from "./Unread.ts"
import * as Waits from "./Waits.ts"

/** No connection came about: refused, unreachable, no such host, or no answer within 10 s. */
export class DialFailed extends Schema.TaggedError<DialFailed>()("DialFailed", {
  address: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `cannot connect to ${this.address}: ${this.reason}`
  }
}

/** The connection ended while something was still expected of it. */
export class LinkLost extends Schema.TaggedError<LinkLost>()("LinkLost", {
  address: Schema.String,
  reason: Schema.String,
  /** Set if the other side may have refused our certificate, or that we have none; why, as `kind` of `TlsFailed`. */
  refused: Schema.optionalKey(Schema.Literals(["expiry", "identity"])),
  /** The other side reset the connection instead of ending it. */
  isReset: Schema.optionalKey(Schema.Boolean)
}) {
  override get message(): string {
    return `connection to ${this.address} lost: ${this.reason}`
  }
}

/** Where to dial; a host name is looked up in `family`. */
export interface Address {
  readonly host: string
  readonly port: number
  readonly family?: 4 | 6
  /** Undefined: plain TCP. */
  readonly tls?: ClientIdentity | undefined
}

/** What closes a plain connection at the first command may be no relay's control port, or one that wants TLS. */
export const unanswered =
  ({ tls }: Address) =>
  (lost: LinkLost): Effect.Effect<never, LinkLost> => {
    if (tls !== undefined) return Effect.fail(lost)
    const doubt = "is this a relay's control port, one that needs no TLS, and has it room for a connection?"
    return Effect.fail(new LinkLost({ address: lost.address, reason: `${lost.reason}; ${doubt}` }))
  }

/** A connection that was made, plain or by TLS. */
export interface Link {
  /** `host:port` of the other side. */
  readonly name: string
  /**
   * Writes all parts in one go, at once. If the connection is lost, whatever waits next fails, not this. `sent` is
   * called once, when the system has the bytes or the connection is gone.
   */
  readonly write: (parts: ReadonlyArray<Uint8Array>, sent?: () => void) => void
  /** False while what was written piles up because the peer does not read, and once the connection is over. */
  readonly isDrained: () => boolean
  /** Waits while the peer does not read what was written. */
  readonly drained: Effect.Effect<void, LinkLost>
  /**
   * Calls `then` once, in a later call from the socket: when the peer has read enough, or the connection is over.
   * Answers how to cancel that.
   */
  readonly whenDrained: (then: () => void) => () => void
  /** Waits for exactly `count` bytes, and takes them. */
  readonly read: (count: number) => Effect.Effect<Uint8Array, LinkLost>
  /** Waits until there is something to read. */
  readonly readable: Effect.Effect<void, LinkLost>
  /** Completes when the connection is over, whoever ended it. */
  readonly ended: Effect.Effect<void>
}

/** A relay that was reached begins some 150 handshakes a second, and those of a whole site may come before ours. */
const handshakeTimeoutMillis = 30_000

/** Codes of errors that a peer causes, not the network between. */
const refusals = /^(ERR_SSL|ECONNRESET|EPIPE)/

/** Unread bytes beyond this stop the reading of the socket, so that a peer cannot fill our memory. */
const unreadBytesMax = 1024 * 1024

/** A part of at least this many bytes is given to the system directly, without the steps of the runtime's streams. */
const directBytesMin = 16 * 1024

/** How long a closing scope waits for the peer to take what was sent. */
const lingerMillis = 5000

/** Over TLS, `role` asks for that part of the relay; otherwise it is the port's own. */
export const dial = (address: Address, role?: Role): Effect.Effect<Link, DialFailed | TlsFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const { tls } = address
    const name = nameOf(address)
    const socket = yield* opened({ address, role, isHalfOpen: false }, close)
    if (tls === undefined) return make(socket, name)
    const { blameOf } = yield* Effect.promise(() => import("./tls/DialTls.ts"))
    // A relay never answers on a data connection, so its silence says nothing of us.
    return make(socket, name, role === "data" ? secret : () => blameOf(tls))
  })

/** Says why a peer may have ended the connection before it said anything; undefined: unknown. */
type Silence = () => Blame | undefined
const secret: Silence = () => undefined

/** `host:port` of the address, with brackets around an IPv6 host. */
export const nameOf = ({ host, port }: Address) => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`)

/** What is dialled, and how; with `isHalfOpen` we can go on sending after the peer has ended its side. */
export interface Wanted {
  readonly address: Address
  readonly role: Role | undefined
  readonly isHalfOpen: boolean
}

/** The socket of a connection that is being made: it is destroyed if the attempt is given up, at whatever step. */
interface Held {
  socket: net.Socket | undefined
}

/** Dials, and answers the socket itself; `release` is run when the scope closes. */
export const opened = (
  wanted: Wanted,
  release: (socket: net.Socket) => Effect.Effect<void>
): Effect.Effect<net.Socket, DialFailed | TlsFailed, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      const held: Held = { socket: undefined }
      const { tls } = wanted.address
      const open =
        tls === undefined ? plainTo(wanted, held) : secureTo(wanted, { identity: tls, role: wanted.role }, held)
      // Outside of what can be interrupted: an interruption may come when the socket is made and nobody has it yet.
      return Effect.onError(restore(open), () => Effect.sync(() => held.socket?.destroy())).pipe(
        Effect.tap((socket) => Effect.addFinalizer(() => release(socket)))
      )
    })
  )

const plainTo = ({ address, isHalfOpen }: Wanted, held: Held): Effect.Effect<net.Socket, DialFailed> => {
  const onConnected = (socket: net.Socket) => {
    held.socket = socket
  }
  return Effect.mapError(
    Attempts.connect(address, { isHalfOpen, onConnected }),
    (reason) => new DialFailed({ address: nameOf(address), reason })
  )
}

/** The runtime's TLS is loaded only where it is dialled. */
const secureTo = (wanted: Wanted, how: Pick<TlsOptions, "identity" | "role">, held: Held) =>
  Effect.flatMap(
    Effect.promise(() => import("./tls/DialTls.ts")),
    (dialTls) =>
      Effect.flatMap(plainTo(wanted, held), (plain) => secured(dialTls, plain, wanted.address, { ...how, held }))
  )

const secured = (
  { begin, failureOf, TlsFailed }: typeof import("./tls/DialTls.ts"),
  plain: net.Socket,
  address: Address,
  { held, ...how }: Pick<TlsOptions, "identity" | "role"> & { readonly held: Held }
) =>
  Effect.callback<net.Socket, TlsFailed>((resume) => {
    const name = nameOf(address)
    const fail = (error: TlsFailed) => {
      plain.destroy()
      resume(Effect.fail(error))
    }
    let socket: ReturnType<typeof begin>
    try {
      socket = begin(plain, { host: address.host, port: address.port, ...how })
      held.socket = socket
    } catch (cause) {
      return fail(new TlsFailed({ address: name, kind: "identity", reason: reasonOf(cause as Error) }))
    }
    const onError = (cause: Error) => {
      socket.destroy()
      fail(failureOf(name, cause))
    }
    socket.setTimeout(handshakeTimeoutMillis, () => onError(new Error("no answer")))
    socket.once("error", onError)
    socket.once("secureConnect", () => {
      socket.setTimeout(0)
      socket.off("error", onError)
      // Later errors are noticed by "close"; a decryption error does not close the socket by itself.
      socket.on("error", (cause) => socket.destroy(cause))
      resume(Effect.succeed(socket))
    })
    return Effect.sync(() => socket.destroy())
  })

const close = (socket: net.Socket): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (socket.closed) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
    socket.resume()
    socket.end(() => socket.destroySoon())
    setTimeout(() => socket.destroy(), lingerMillis).unref()
  })

/**
 * `silence` is given over TLS: it says why the peer may have ended the connection before it said anything. Without it
 * the connection is plain, and bytes may be written to its descriptor.
 */
const make = (socket: net.Socket, name: string, silence?: Silence): Link => {
  const isPlain = silence === undefined
  let isHeard = false
  const unread = Unread.make()
  const { changed, once, when } = Waits.make()
  let wantedBytes = 0
  let loss: Pick<LinkLost, "reason" | "refused" | "isReset"> | undefined
  const lose = (reason: string, { isRefusal = true, isReset = false } = {}) => {
    loss ??= (isHeard || !isRefusal ? undefined : silence?.()) ?? { reason, ...(isReset && { isReset }) }
    changed()
  }
  socket.on("data", (chunk: Buffer) => {
    isHeard = true
    unread.add(chunk)
    if (unread.bytes() > Math.max(unreadBytesMax, wantedBytes)) socket.pause()
    if (unread.bytes() >= wantedBytes) changed()
  })
  socket.on("error", (cause: NodeJS.ErrnoException) => {
    const code = cause.code ?? ""
    lose(reasonOf(cause), { isRefusal: refusals.test(code), isReset: code === "ECONNRESET" })
  })
  socket.on("end", () => lose("closed by the peer"))
  socket.on("close", () => lose("closed"))
  socket.on("drain", changed)
  // Between the handshake and now.
  if (socket.destroyed) lose("closed")

  const isOver = () => loss !== undefined
  const lost = Effect.suspend(() => Effect.fail(new LinkLost({ address: name, ...(loss ?? { reason: "closed" }) })))
  /** Waits until `count` bytes are unread. */
  const arrived = (count: number): Effect.Effect<void, LinkLost> =>
    Effect.suspend(() => {
      if (unread.bytes() >= count) return Effect.void
      if (isOver()) return lost
      wantedBytes = count
      socket.resume()
      return Effect.flatMap(
        when(() => unread.bytes() >= count || isOver()),
        () => {
          wantedBytes = 0
          return unread.bytes() >= count ? Effect.void : lost
        }
      )
    })
  return {
    name,
    readable: arrived(1),
    write: (parts, sent) => {
      if (isOver() || !socket.writable) return sent?.()
      const [only] = parts
      const isLarge = only !== undefined && parts.length === 1 && only.length >= directBytesMin
      const descriptor = isLarge && isPlain && socket.writableLength === 0 ? descriptorOf(socket) : undefined
      if (isLarge && descriptor !== undefined) {
        const count = writeNow(descriptor, only)
        return count === only.length ? sent?.() : void socket.write(only.subarray(count), sent)
      }
      socket.cork()
      for (const part of parts) socket.write(part, part === parts.at(-1) ? sent : undefined)
      socket.uncork()
    },
    isDrained: () => !isOver() && !socket.writableNeedDrain,
    drained: Effect.suspend(() => {
      if (isOver()) return lost
      if (!socket.writableNeedDrain) return Effect.void
      return Effect.flatMap(
        when(() => !socket.writableNeedDrain || isOver()),
        () => (isOver() ? lost : Effect.void)
      )
    }),
    whenDrained: (then) => once(() => !socket.writableNeedDrain || isOver(), then),
    read: (count) => Effect.map(arrived(count), () => unread.take(count)),
    ended: when(isOver)
  }
}
