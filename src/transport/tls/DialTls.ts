/** The outgoing half of TLS: a handshake, and why it failed. */
import { createHash, X509Certificate } from "node:crypto"
import * as net from "node:net"
import * as tls from "node:tls"
import { Schema } from "effect"
import { wallMillis } from "../../Machine.ts"
import { inOneLine } from "../../protocol/CertificateName.ts"
import * as PemTexts from "./PemTexts.ts"
import { ciphers } from "./Processor.ts"
import { type ClientIdentity, protocolOf, type Role, reasonOf } from "./Tls.ts"

/** The other side was reached, but is not who was meant, or refuses us. */
export class TlsFailed extends Schema.TaggedError<TlsFailed>()("TlsFailed", {
  address: Schema.String,
  /**
   * `name`: its certificate is for another host; `expiry`: it has expired or is not valid yet; `authority`: nobody that
   * we trust has signed it; `identity`: our own certificate or key is no use, or what we were given of authorities is
   * none; `handshake`: anything else, as no TLS.
   */
  kind: Schema.Literals(["handshake", "name", "expiry", "authority", "identity"]),
  reason: Schema.String
}) {
  override get message(): string {
    return `cannot connect to ${this.address}: TLS: ${this.reason}`
  }
}

type Kind = TlsFailed["kind"]

const kinds: Readonly<Record<string, Kind>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: "name",
  CERT_HAS_EXPIRED: "expiry",
  CERT_NOT_YET_VALID: "expiry",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "authority",
  UNABLE_TO_GET_ISSUER_CERT: "authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "authority",
  SELF_SIGNED_CERT_IN_CHAIN: "authority",
  DEPTH_ZERO_SELF_SIGNED_CERT: "authority",
  CERT_SIGNATURE_FAILURE: "authority",
  CERT_UNTRUSTED: "authority",
  INVALID_CA: "authority",
  INVALID_PURPOSE: "authority"
}

const trust = "give its authority with --tls-ca (in a program, tls.ca)"

/** Our own words, since the runtime's advice is for its own commands: whom we trust is configured otherwise. */
const reasons: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate, or one above it, has expired: it is to be renewed there",
  CERT_NOT_YET_VALID: "its certificate is not valid yet: the clock there, or of this host, is wrong",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `its certificate is signed by nobody that we trust: ${trust}; or its file lacks the certificates between`,
  UNABLE_TO_GET_ISSUER_CERT: `its certificates are signed by nobody that we trust: ${trust}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `its certificates are signed by nobody that we trust: ${trust}`,
  SELF_SIGNED_CERT_IN_CHAIN: `its certificates are signed by an authority that we do not trust: ${trust}`,
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "its certificate is signed by itself, and not one that we trust: give it with --tls-ca (in a program, tls.ca)"
}

/** What the runtime throws where no name of the certificate is the one that was asked for. */
interface Misnamed extends NodeJS.ErrnoException {
  readonly host?: string
  readonly cert?: { readonly subjectaltname?: string }
}

const misnamed = ({ cert, host }: Misnamed): string =>
  `its certificate is for ${inOneLine(cert?.subjectaltname) || "no host"}, not for ${host}: connect by a name that it has, or give one with --tls-name (in a program, tls.serverName)`

/** The failure of a handshake that ended with `cause`. */
export const failureOf = (address: string, cause: Misnamed): TlsFailed => {
  const kind = kinds[cause.code ?? ""] ?? "handshake"
  const known = kind === "name" ? misnamed(cause) : reasons[cause.code ?? ""]
  return new TlsFailed({ address, kind, reason: known ?? reasonOf(cause) })
}

/** Why the other side may have refused us: our certificate is out of date, or is not one that it takes. */
export interface Blame {
  readonly refused: "expiry" | "identity"
  readonly reason: string
}

/**
 * Says what of our certificate could be wrong if a connection ends before the other side has said anything. Under
 * TLS 1.3 that is how a client learns that its certificate is refused; but also that there is no room for it, or that
 * nobody understands it.
 */
export const blameOf = ({ certificate }: ClientIdentity): Blame => {
  const blame = (refused: Blame["refused"], why: string): Blame => ({
    refused,
    reason: `it ends the connection before a word: ${why}`
  })
  if (certificate === undefined) return blame("identity", "it may ask for a certificate, and we have none")
  const known = new X509Certificate(certificate)
  const ours = `our certificate (${inOneLine(known.subject)}, issued by ${inOneLine(known.issuer)})`
  if (Date.parse(known.validTo) < wallMillis()) return blame("expiry", `${ours} expired ${known.validTo}: renew it`)
  if (Date.parse(known.validFrom) > wallMillis()) {
    return blame("expiry", `${ours} is not valid before ${known.validFrom}, or this host's clock is behind`)
  }
  return blame("identity", `its log says why; ${ours} may be revoked there, or of an authority that it does not know`)
}

export const refusalOf = (address: string, identity: ClientIdentity): TlsFailed => {
  const { reason, refused } = blameOf(identity)
  return new TlsFailed({ address, kind: refused, reason })
}

export interface Options {
  readonly identity: ClientIdentity
  /** The part of the relay that is asked for by name (ALPN); undefined: the port's own. */
  readonly role: Role | undefined
  /** What was dialled: the name that the certificate must have, unless the identity says another. */
  readonly host: string
  readonly port: number
}

/** The runtime's options: what we show, and whom we trust, when dialling `host`. */
export const trusting = (identity: ClientIdentity, host: string): tls.ConnectionOptions => {
  const { ca, certificate, key } = identity
  const name = identity.serverName ?? host
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate, key: key ?? certificate }),
    // An IP address is not asked for by name (SNI), but the certificate has to name it.
    ...(net.isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_host, peer) => tls.checkServerIdentity(name, peer),
    ciphers: ciphers(),
    minVersion: "TLSv1.2"
  }
}

/** Places whose tickets are remembered, each some kB. */
const placeCountMax = 64

/**
 * The newest ticket for each place, by where it is and who we are there: a relay under a flood from our address knows
 * by it that we are not part of it. With another certificate or other authorities no earlier ticket is used.
 */
const tickets = new Map<string, Buffer>()

const keep = (place: string, ticket: Buffer): void => {
  tickets.delete(place)
  tickets.set(place, ticket)
  const [oldest] = tickets.keys()
  if (tickets.size > placeCountMax && oldest !== undefined) tickets.delete(oldest)
}

const placeOf = ({ host, identity, port }: Options): string => {
  const { ca = "", certificate = "", key = "", serverName = "" } = identity
  const known = [ca, certificate, key].map((text) => createHash("sha256").update(text).digest("hex"))
  return JSON.stringify([host, port, serverName, ...known])
}

/** What TLS connections go over. */
const carriers = new WeakMap<net.Socket, net.Socket>()

/** Resets the connection: the other side learns that it broke, not that it ended. */
export const reset = (socket: net.Socket): void => {
  const carrier = carriers.get(socket)
  carrier?.resetAndDestroy()
  if (carrier === undefined) socket.resetAndDestroy()
  else socket.destroy()
}

/** Begins TLS over a connection that is there. Throws if the identity is no use. */
export const begin = (socket: net.Socket, options: Options): tls.TLSSocket => {
  const { host, identity, role } = options
  PemTexts.checkClient(identity)
  const place = placeOf(options)
  const ticket = tickets.get(place)
  const secured = tls.connect({
    socket,
    ...trusting(identity, host),
    ...(ticket === undefined ? {} : { session: ticket }),
    ...(role === undefined ? {} : { ALPNProtocols: [protocolOf(role)] })
  })
  carriers.set(secured, socket)
  secured.on("session", (given: Buffer) => keep(place, given))
  // Whatever went wrong, the ticket may be the cause.
  const forget = () => tickets.delete(place)
  secured.once("error", forget).once("secureConnect", () => secured.off("error", forget))
  return secured
}
