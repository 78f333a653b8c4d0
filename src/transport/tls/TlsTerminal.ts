/**
 * Where TLS ends, for the connections of all three ports. Only `tls.Server` enforces client certificates, so one that
 * never listens is given the accepted sockets, with the bytes that were read of them.
 */
import { constants, X509Certificate } from "node:crypto"
import * as net from "node:net"
import * as tls from "node:tls"
import { Effect, type Scope } from "effect"
import { clearInterval, clockMillis, randomBytes, setImmediate, setInterval, wallMillis } from "../../Machine.ts"
import { networkOf } from "../../protocol/Addresses.ts"
import { lengthMax } from "../../protocol/ClientHello.ts"
import { certificatesOf, listsOf } from "../../protocol/PemBlocks.ts"
import * as RevocationLists from "../../protocol/RevocationLists.ts"
import { readMeanwhile } from "../FirstBytes.ts"
import { isInternalAvoided } from "../ReceiveInto.ts"
import { type Bounds, type Handshake, HandshakeTurns } from "./HandshakeTurns.ts"
import * as PemTexts from "./PemTexts.ts"
import { ciphers } from "./Processor.ts"
import { certificateOf, refusedOf, rememberShown, saying } from "./ShownCertificate.ts"
import { Tickets } from "./Tickets.ts"
import { type PeerCertificate, type Purpose, purposeOf, type ServerIdentity } from "./Tls.ts"
import { TlsRefused } from "./TlsRefused.ts"

/** A connection whose handshake is over. */
export interface Secured {
  readonly socket: tls.TLSSocket
  /** What the client asked for by name (ALPN); undefined: nothing. */
  readonly purpose: Purpose | undefined
  readonly certificate: PeerCertificate | undefined
  /** Why the certificate that was shown counts as none, at a port where none is needed. */
  readonly refused: string | undefined
}

/** One of the two is called, once. */
export interface Outcome {
  readonly done: (secured: Secured) => void
  /** Called with the reason: mostly the system's code, and the certificate that was shown, if any. */
  readonly failed: (reason: string) => void
}

/** A connection whose ClientHello is there. */
export interface Greeting {
  readonly accepted: net.Socket
  /** The bytes read of the connection: a whole ClientHello; undefined: nothing was read. */
  readonly hello?: Buffer
  /** The client's address, as a proxy told it if one did. */
  readonly address: string
  /** Which port it came to. At the one for HTTP a certificate is optional, and a bad one counts as none. */
  readonly port: Purpose
}

export interface TlsTerminal {
  /** Takes over the connection, and does its handshake when its turn comes. */
  readonly secure: (greeting: Greeting, outcome: Outcome) => void
  /** Handshakes from now on use this identity; open connections go on. An unusable one changes nothing. */
  readonly replace: (identity: ServerIdentity) => Effect.Effect<void, TlsRefused>
  readonly ends: () => Ends
  readonly handshakes: () => Handshakes
}

/** When what is in force ends, in ms since 1970. */
export interface Ends {
  /** The earliest end of our certificate and of those in its chain. */
  readonly certificateMillis: number
  /** The earliest end of the authorities and revocation lists that clients are judged by; undefined: there are none. */
  readonly clientsMillis: number | undefined
}

/** Handshakes so far (good, failed), and now (waiting, under way). */
export interface Handshakes {
  readonly goodCount: number
  readonly failedCount: number
  readonly waitingCount: number
  readonly underWayCount: number
}

const handshakeTimeoutMillis = 10_000

/** A connection that ends within this time after its handshake costs its origin as much as a failed handshake. */
const shortMillis = 1000

const ticketKeyMillis = 3_600_000
const ticketKeyBytes = 48
/** How long a client may show a ticket, for turns. After a change of keys it must show its certificate as well. */
const ticketDays = 7

/** Certificates are judged by the system's clock as of its last tick, so one may count for this long after its end. */
const behindMillisMax = 1000

/** The system's code for a missing certificate where one is required. */
const noneShown = "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE"

/** One text for each revocation list: of several in one text the runtime silently takes the first alone. */
const listsIn = (text: string): Array<string> => {
  const lists = listsOf(text)
  return lists.length === 0 ? [text] : [...lists]
}

const contextOf = (identity: ServerIdentity): tls.SecureContextOptions => ({
  cert: identity.certificate,
  key: identity.key,
  ...(identity.clientCa === undefined ? {} : { ca: identity.clientCa }),
  ...(identity.crl === undefined ? {} : { crl: listsIn(identity.crl) }),
  ciphers: ciphers(),
  honorCipherOrder: true,
  minVersion: identity.minVersion ?? "TLSv1.3",
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION
})

/** When each authority and revocation list that clients are judged by ends, in ms since 1970. */
const lapsesOf = ({ clientCa = "", crl = "" }: ServerIdentity): ReadonlyArray<number> => [
  ...certificatesOf(clientCa).map((block) => Date.parse(new X509Certificate(block).validTo)),
  ...RevocationLists.endsOf(crl)
]

interface Checked {
  readonly context: tls.SecureContextOptions
  readonly lapses: ReadonlyArray<number>
}

const checked = (identity: ServerIdentity): Effect.Effect<Checked, TlsRefused> =>
  Effect.try({
    try: () => {
      PemTexts.checkServer(identity)
      const context = contextOf(identity)
      tls.createSecureContext(context)
      return { context, lapses: lapsesOf(identity) }
    },
    catch: (cause) => new TlsRefused({ reason: (cause as Error).message })
  })

/**
 * Whether to listen for a server's `newSession`: with a listener the runtime reads 16 KiB at a time, without one every
 * other read brings only 1 KiB. Node.js 26 then touches a socket that was closed during its hello, which ends the
 * process.
 */
const mayListen = Number.parseInt(process.versions.node, 10) < 26

const serverOf = (
  context: tls.SecureContextOptions,
  client: "none" | "may" | "must",
  chosen: (protocols: ReadonlyArray<string>) => string | undefined
): tls.Server =>
  tls.createServer({
    ...context,
    requestCert: client !== "none",
    rejectUnauthorized: client === "must",
    handshakeTimeout: handshakeTimeoutMillis,
    sessionTimeout: ticketDays * 86_400,
    ALPNCallback: ({ protocols }: { readonly protocols: ReadonlyArray<string> }) => chosen(protocols)
  } as tls.TlsOptions)

/** Outcomes of a server's handshakes under way, by the socket that it was given. */
interface Pending {
  readonly add: (accepted: net.Socket, outcome: Outcome) => void
  /** Removes and answers the handshake's outcome; undefined: it was told already. */
  readonly take: (socket: tls.TLSSocket) => Outcome | undefined
}

interface WithParent {
  readonly _parent?: net.Socket
}

/** Whether a TLS socket knows the socket below it. This is not documented, so the runtime at hand is tried. */
export const knowsParent = (): boolean => {
  const socket = new net.Socket()
  const secured = new tls.TLSSocket(socket, { isServer: true })
  const isKnown = (secured as unknown as WithParent)._parent === socket
  secured.destroy()
  socket.destroy()
  return isKnown
}

const byParent = (): Pending => {
  const pending = new WeakMap<net.Socket, Outcome>()
  return {
    add: (accepted, outcome) => void pending.set(accepted, outcome),
    take: (socket) => {
      const parent = (socket as unknown as WithParent)._parent
      const outcome = parent && pending.get(parent)
      if (parent !== undefined) pending.delete(parent)
      return outcome
    }
  }
}

/** Finds handshakes by both ends' addresses, which an open connection has for itself. A closed one has failed. */
const byEnds = (): Pending => {
  const pending = new Map<string, Outcome>()
  const endsOf = ({ localAddress, localPort, remoteAddress, remotePort }: net.Socket) =>
    `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
  const take = (ends: string) => {
    const outcome = pending.get(ends)
    pending.delete(ends)
    return outcome
  }
  return {
    add: (accepted, outcome) => {
      const ends = endsOf(accepted)
      pending.set(ends, outcome)
      accepted.once("close", () => take(ends)?.failed("closed"))
    },
    take: (socket) => take(endsOf(socket))
  }
}

const termsOf = ({ certificate }: ServerIdentity, lapses: ReadonlyArray<number>): Ends => {
  // A certificate between an authority and ours may end before ours, which nobody accepts from then on.
  const ends = certificatesOf(certificate).map((block) => Date.parse(new X509Certificate(block).validTo))
  return {
    certificateMillis: Math.min(...ends),
    clientsMillis: lapses.length === 0 ? undefined : Math.min(...lapses)
  }
}

/** The two servers of one identity: one for HTTP, one for all else; without a client CA they are the same. */
interface Servers {
  readonly ofPort: (port: Purpose) => tls.Server
  readonly renewTicketKeys: () => void
}

/** What handshakes need to know of the relay. */
export interface Options {
  /** Whether a purpose can be chosen now. */
  readonly serves?: (purpose: Purpose) => boolean
  /** True while sessions are recorded: they take precedence over handshakes that will probably fail. */
  readonly isBusy?: () => boolean
  /** By default those of `HandshakeTurns`. */
  readonly bounds?: Bounds
}

export const make = (
  first: ServerIdentity,
  { bounds, isBusy, serves = () => true }: Options = {}
): Effect.Effect<TlsTerminal, TlsRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const pending = knowsParent() && !isInternalAvoided() ? byParent() : byEnds()
    const turns = new HandshakeTurns({ isBusy, ...(bounds !== undefined && { bounds }) })
    const tickets = new Tickets()
    const ended = { good: 0, failed: 0 }
    const chosen = (protocols: ReadonlyArray<string>) =>
      protocols.find((protocol) => {
        const purpose = purposeOf(protocol)
        return purpose !== undefined && serves(purpose)
      })
    const start = (context: tls.SecureContextOptions, client: "none" | "may" | "must"): tls.Server => {
      const server = serverOf(context, client, chosen)
      if (mayListen) server.on("newSession", (_id: Buffer, _session: Buffer, kept: () => void) => kept())
      server.on("secureConnection", (socket) => {
        // A decryption error does not close the socket by itself.
        socket.on("error", () => socket.destroy())
        socket.allowHalfOpen = true
        const certificate = certificateOf(socket)
        const refused = certificate === undefined && client !== "none" ? refusedOf(socket) : undefined
        const purpose = purposeOf(socket.alpnProtocol)
        const outcome = pending.take(socket)
        // A client that asks at the HTTP port for another part of the relay needs what that part's own port requires.
        const isNeeded = client === "must" || (client === "may" && purpose !== undefined && purpose !== "http")
        if (isNeeded && certificate === undefined) {
          // Not now: functions of the socket that are below on the stack must not find it destroyed.
          setImmediate(() => {
            outcome?.failed(refused ?? noneShown)
            socket.destroy()
          })
        } else outcome?.done({ socket, purpose, certificate, refused })
      })
      tickets.add(server.getTicketKeys())
      const shownBy = rememberShown(server)
      server.on("tlsClientError", (cause: NodeJS.ErrnoException, socket) => {
        const shown = shownBy(socket)
        // For a refused certificate the error alone says only that the client hung up.
        const refused = socket.authorizationError as unknown as string | null | undefined
        const outcome = pending.take(socket)
        // The TLS socket first: it lies on top of the accepted one.
        socket.destroy()
        outcome?.failed(saying(refused ?? cause.code ?? cause.message, shown))
      })
      return server
    }
    const serversOf = (context: tls.SecureContextOptions, hasClientCa: boolean): Servers => {
      const strict = start(context, hasClientCa ? "must" : "none")
      const lenient = hasClientCa ? start(context, "may") : strict
      return {
        ofPort: (port) => (port === "http" ? lenient : strict),
        renewTicketKeys: () => {
          for (const server of new Set([strict, lenient])) {
            const keys = randomBytes(ticketKeyBytes)
            server.setTicketKeys(keys)
            tickets.add(keys)
          }
        }
      }
    }
    const checkedFirst = yield* checked(first)
    let { lapses } = checkedFirst
    let servers = serversOf(checkedFirst.context, first.clientCa !== undefined)
    let ends = termsOf(first, lapses)
    let renewedAt = wallMillis()
    /** Makes tickets void when something that judged clients has ended: resumed clients are not checked again. */
    const forgetLapsed = () => {
      const now = wallMillis()
      const isSince = (millis: number) => millis > renewedAt && millis <= now
      if (lapses.some((end) => isSince(end) || isSince(end + behindMillisMax))) servers.renewTicketKeys()
      renewedAt = now
    }
    // Ticket keys change every hour, so that a recorded connection cannot be decrypted by keys that leak later.
    yield* Effect.acquireRelease(
      Effect.sync(() => setInterval(() => servers.renewTicketKeys(), ticketKeyMillis).unref()),
      (timer) => Effect.sync(() => clearInterval(timer))
    )
    const secure: TlsTerminal["secure"] = ({ accepted, address, hello, port }, { done, failed }) => {
      let isOver = false
      const ticket = hello && tickets.take(hello)
      const settle = (isGood: boolean, then: () => void) => {
        if (isOver) return
        isOver = true
        if (ticket !== undefined) tickets.over(ticket, isGood)
        turns.over(handshake, isGood, accepted.bytesRead)
        ended[isGood ? "good" : "failed"]++
        then()
      }
      const outcome: Outcome = {
        done: (secured) =>
          settle(true, () => {
            const at = clockMillis()
            accepted.once("close", () => {
              if (clockMillis() - at < shortMillis) turns.disappointed(handshake)
            })
            done(secured)
          }),
        failed: (reason) => settle(false, () => failed(reason))
      }
      const handshake: Handshake = {
        // A client that was let in before does not count as one of the strangers from its network.
        origin: ticket === undefined ? networkOf(address) : `known ${networkOf(address)}`,
        begin: () => {
          accepted.off("close", leave)
          const read = readSoFar?.()
          if (read !== undefined) accepted.unshift(read)
          // The TLS socket inherits this: a client's end inside a handshake shall close the connection.
          accepted.allowHalfOpen = false
          pending.add(accepted, outcome)
          forgetLapsed()
          servers.ofPort(port).emit("connection", accepted)
        },
        cutOff: () => outcome.failed("younger ones need its place")
      }
      // Nobody else would hear that a connection ends before its turn.
      const leave = () => settle(false, () => {})
      accepted.once("close", leave)
      const readSoFar = hello && readMeanwhile(accepted, hello, lengthMax)
      turns.enter(handshake)
    }
    return {
      secure,
      // A new server has new ticket keys, too: a client that the old authority let in cannot resume.
      replace: (identity) =>
        Effect.map(checked(identity), (good) => {
          servers = serversOf(good.context, identity.clientCa !== undefined)
          lapses = good.lapses
          ends = termsOf(identity, lapses)
        }),
      ends: () => ends,
      handshakes: () => ({
        goodCount: ended.good,
        failedCount: ended.failed,
        waitingCount: turns.waitingCount,
        underWayCount: turns.begunCount
      })
    }
  })
