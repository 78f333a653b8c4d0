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
import { ciphers } from "./Processor.ts"
import { certificateOf, refusedOf, rememberShown, saying } from "./ShownCertificate.ts"
import { Tickets } from "./Tickets.ts"
import { type PeerCertificate, type Purpose, purposeOf, type ServerIdentity } from "./Tls.ts"
import { TlsRefused } from "./TlsRefused.ts"

/** A connection whose handshake is over. */
export interface Secured {
  readonly socket: tls.TLSSocket
  /** What the client asked for by name. */
  readonly purpose: Purpose | undefined
  readonly certificate: PeerCertificate | undefined
  /** Why one that was shown is as none, where nobody needs one. */
  readonly refused: string | undefined
}

/** One of them is called, once. */
export interface Outcome {
  readonly done: (secured: Secured) => void
  /** With the system's code. */
  readonly failed: (reason: string) => void
}

/** A connection whose ClientHello is there. */
export interface Greeting {
  readonly accepted: net.Socket
  /** What was read of it; undefined: nothing. */
  readonly hello?: Buffer
  /** Whose it is, also behind a balancer. */
  readonly address: string
  /** On one for HTTP nobody needs a certificate: one that is no good is none there. */
  readonly port: Purpose
}

export interface TlsTerminal {
  /** Takes over the connection. */
  readonly secure: (greeting: Greeting, outcome: Outcome) => void
  /** Handshakes from now on use this identity; what is open goes on. An unusable one changes nothing. */
  readonly replace: (identity: ServerIdentity) => Effect.Effect<void, TlsRefused>
  readonly ends: () => Ends
  readonly handshakes: () => Handshakes
}

/** Of what is in force; ms since the epoch. */
export interface Ends {
  /** The first of the certificate and those that come with it. */
  readonly certificateMillis: number
  /** The first of the authorities and revocation lists that clients are judged by; undefined: there are none. */
  readonly clientsMillis: number | undefined
}

/** So far, or now. */
export interface Handshakes {
  readonly goodCount: number
  readonly failedCount: number
  readonly waitingCount: number
  readonly underWayCount: number
}

const handshakeTimeoutMillis = 10_000

/** A connection that ends so soon has come to nothing, too. */
const shortMillis = 1000

const ticketKeyMillis = 3_600_000
const ticketKeyBytes = 48
/** For so long a client shows a ticket, and has turns by it; once the keys are others it shows its certificate, too. */
const ticketDays = 7

/** Certificates are judged by the system's clock as of its last tick: who comes just then is let in once more. */
const behindMillisMax = 1000

/** As the system says it where it insists on one. */
const noneShown = "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE"

/** Each by itself: of several in one text the runtime takes the first, and leaves out the others without a word. */
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

/** When what clients are judged by changes by itself: an authority or a list of what is revoked is over. */
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

/** A server's handshakes under way, by the socket that it was given. */
interface Pending {
  readonly add: (accepted: net.Socket, outcome: Outcome) => void
  /** Undefined: its outcome is known already. */
  readonly take: (socket: tls.TLSSocket) => Outcome | undefined
}

interface WithParent {
  readonly _parent?: net.Socket
}

/** Whether a TLS socket knows the one it was made of. That is not documented, so it is asked of the runtime at hand. */
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

/** Both ends of a connection that is open are its own. One whose ends are not known any more has failed. */
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
  // One that stands between an authority and ours may end before it, and nobody takes ours then.
  const ends = certificatesOf(certificate).map((block) => Date.parse(new X509Certificate(block).validTo))
  return {
    certificateMillis: Math.min(...ends),
    clientsMillis: lapses.length === 0 ? undefined : Math.min(...lapses)
  }
}

/** One identity's two servers. */
interface Servers {
  readonly ofPort: (port: Purpose) => tls.Server
  readonly renewTicketKeys: () => void
}

/** What handshakes have to know of the relay. */
export interface Options {
  /** What there is to be chosen now. */
  readonly serves?: (purpose: Purpose) => boolean
  /** Sessions are recorded: they come before handshakes that may come to nothing. */
  readonly isBusy?: () => boolean
  /** Otherwise those of `HandshakeTurns`. */
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
        // What cannot be decrypted is told, and ends nothing by itself.
        socket.on("error", () => socket.destroy())
        socket.allowHalfOpen = true
        const certificate = certificateOf(socket)
        const refused = certificate === undefined && client !== "none" ? refusedOf(socket) : undefined
        const purpose = purposeOf(socket.alpnProtocol)
        const outcome = pending.take(socket)
        // Who asks there for another part of the relay than HTTP needs what that part's own port asks for.
        const isNeeded = client === "must" || (client === "may" && purpose !== undefined && purpose !== "http")
        if (isNeeded && certificate === undefined) {
          // Not now: below this call are functions of the socket's, which must not find it gone.
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
        // Whose certificate is refused seems to hang up otherwise.
        const refused = socket.authorizationError as unknown as string | null | undefined
        const outcome = pending.take(socket)
        // First the one that is on top of the other.
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
    /** Who is resumed is not looked at again: what judged it must still be good. */
    const forgetLapsed = () => {
      const now = wallMillis()
      const isSince = (millis: number) => millis > renewedAt && millis <= now
      if (lapses.some((end) => isSince(end) || isSince(end + behindMillisMax))) servers.renewTicketKeys()
      renewedAt = now
    }
    // Tickets are good for a connection that is resumed soon, not for one recorded and broken later.
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
        // Who was let in before is none of the strangers that come from there.
        origin: ticket === undefined ? networkOf(address) : `known ${networkOf(address)}`,
        begin: () => {
          accepted.off("close", leave)
          const read = readSoFar?.()
          if (read !== undefined) accepted.unshift(read)
          // The TLS socket takes this over: who says no more inside a handshake will not end it.
          accepted.allowHalfOpen = false
          pending.add(accepted, outcome)
          forgetLapsed()
          servers.ofPort(port).emit("connection", accepted)
        },
        cutOff: () => outcome.failed("younger ones need its place")
      }
      // Of one that ends before its turn nobody hears otherwise.
      const leave = () => settle(false, () => {})
      accepted.once("close", leave)
      const readSoFar = hello && readMeanwhile(accepted, hello, lengthMax)
      turns.enter(handshake)
    }
    return {
      secure,
      // A new server has new keys for tickets too: what the old authority let in does not come back by one.
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
