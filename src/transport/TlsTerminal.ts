/**
 * Where TLS ends, for the connections of all three ports. Only `tls.Server` enforces client certificates, so one that
 * never listens is given the accepted sockets, with the bytes that were read of them.
 *
 * Handshakes are the dearest thing that a stranger can ask for: so many a second are begun, the others wait their turn.
 */
import { constants, createHash, randomBytes } from "node:crypto"
import type * as net from "node:net"
import * as tls from "node:tls"
import { Effect, Schema, type Scope } from "effect"
import { ciphers, type PeerCertificate, protocolOf, type Role, roleOf, roles, type ServerIdentity } from "./Tls.ts"

/** A certificate, key or authority that the system cannot use, or that do not fit together. */
export class TlsRefused extends Schema.TaggedError<TlsRefused>()("TlsRefused", { reason: Schema.String }) {
  override get message(): string {
    return `TLS: ${this.reason}`
  }
}

/** A connection whose handshake is over. */
export interface Secured {
  readonly socket: tls.TLSSocket
  /** What the client asked for by name. */
  readonly role: Role | undefined
  readonly certificate: PeerCertificate | undefined
}

export interface TlsTerminal {
  /** Takes over `accepted`, into which what was read is put back; `done` is called once, unless it fails. */
  readonly secure: (accepted: net.Socket, done: (secured: Secured) => void, failed: (code: string) => void) => void
  /** Handshakes from now on use this identity; what is open goes on. An unusable one changes nothing. */
  readonly replace: (identity: ServerIdentity) => Effect.Effect<void, TlsRefused>
}

const handshakeTimeoutMillis = 10_000

/** One takes 3 ms of the loop: half of it, at most, is theirs. */
const handshakesPerSecond = 150
const burstCountMax = 30
const tickMillis = 20

const ticketKeyMillis = 3_600_000
const ticketKeyBytes = 48

const contextOf = (identity: ServerIdentity): tls.SecureContextOptions => ({
  cert: identity.certificate,
  key: identity.key,
  ...(identity.clientCa === undefined ? {} : { ca: identity.clientCa }),
  ciphers,
  honorCipherOrder: true,
  minVersion: identity.minVersion ?? "TLSv1.3",
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION
})

const checked = (identity: ServerIdentity): Effect.Effect<tls.SecureContextOptions, TlsRefused> =>
  Effect.try({
    try: () => {
      const context = contextOf(identity)
      tls.createSecureContext(context)
      return context
    },
    catch: (cause) => new TlsRefused({ reason: (cause as Error).message })
  })

const serverOf = (context: tls.SecureContextOptions, hasClientCa: boolean): tls.Server =>
  tls.createServer({
    ...context,
    requestCert: hasClientCa,
    rejectUnauthorized: hasClientCa,
    allowHalfOpen: true,
    handshakeTimeout: handshakeTimeoutMillis,
    ALPNProtocols: roles.map(protocolOf)
  } as tls.TlsOptions)

/** Names with a comma in them are quoted. */
const alternativeNamesOf = (text = ""): ReadonlyArray<string> =>
  [...text.matchAll(/(\w[\w ]*):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)].map(([, kind, name = ""]) => {
    const plain = name.startsWith('"') ? (JSON.parse(name) as string) : name
    return `${kind}:${plain}`
  })

const certificateOf = (socket: tls.TLSSocket): PeerCertificate | undefined => {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return undefined
  const key = certificate.publicKey.export({ type: "spki", format: "der" })
  return {
    subject: certificate.subject ?? "",
    alternativeNames: alternativeNamesOf(certificate.subjectAltName),
    keyHash: createHash("sha256").update(key).digest("hex")
  }
}

/** Runs what it is given in its order, so many a second. */
const makeTurns = () => {
  const waiting: Array<() => void> = []
  let permits = burstCountMax
  let timer: NodeJS.Timeout | undefined
  const tick = () => {
    permits = Math.min(burstCountMax, permits + (handshakesPerSecond * tickMillis) / 1000)
    while (permits >= 1 && waiting.length > 0) {
      permits--
      waiting.shift()?.()
    }
    if (waiting.length === 0 && permits === burstCountMax) {
      clearInterval(timer)
      timer = undefined
    }
  }
  return (begin: () => void) => {
    timer ??= setInterval(tick, tickMillis).unref()
    if (permits < 1 || waiting.length > 0) return void waiting.push(begin)
    permits--
    begin()
  }
}

interface Pending {
  readonly done: (secured: Secured) => void
  readonly failed: (code: string) => void
}

/** The socket that a server made a TLS socket of. */
const rawOf = (socket: tls.TLSSocket): net.Socket | undefined =>
  (socket as unknown as { readonly _parent?: net.Socket })._parent

export const make = (first: ServerIdentity): Effect.Effect<TlsTerminal, TlsRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const pending = new WeakMap<net.Socket, Pending>()
    const turn = makeTurns()
    const take = (socket: tls.TLSSocket): Pending | undefined => {
      const raw = rawOf(socket)
      const found = raw === undefined ? undefined : pending.get(raw)
      if (raw !== undefined) pending.delete(raw)
      return found
    }
    const start = (context: tls.SecureContextOptions, hasClientCa: boolean): tls.Server => {
      const server = serverOf(context, hasClientCa)
      server.on("secureConnection", (socket) => {
        // Until the connection's own listeners are there.
        socket.on("error", () => undefined)
        take(socket)?.done({ socket, role: roleOf(socket.alpnProtocol), certificate: certificateOf(socket) })
      })
      server.on("tlsClientError", (cause: NodeJS.ErrnoException, socket) => {
        take(socket)?.failed(cause.code ?? cause.message)
        socket.destroy()
      })
      return server
    }
    let server = start(yield* checked(first), first.clientCa !== undefined)
    // Tickets are good for a connection that is resumed soon, not for one recorded and broken later.
    yield* Effect.acquireRelease(
      Effect.sync(() => setInterval(() => server.setTicketKeys(randomBytes(ticketKeyBytes)), ticketKeyMillis).unref()),
      (timer) => Effect.sync(() => clearInterval(timer))
    )
    return {
      secure: (accepted, done, failed) =>
        turn(() => {
          if (accepted.destroyed) return
          pending.set(accepted, { done, failed })
          server.emit("connection", accepted)
        }),
      // A new server has new keys for tickets too: what the old authority let in does not come back by one.
      replace: (identity) =>
        Effect.map(checked(identity), (context) => {
          server = start(context, identity.clientCa !== undefined)
        })
    }
  })
