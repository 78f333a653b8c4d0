/** What a client's certificate says of it, or why it lets nobody in: nothing counts before the system found it good. */
import { createHash, type X509Certificate } from "node:crypto"
import type * as tls from "node:tls"
import { wallMillis } from "../../Machine.ts"
import { inOneLine } from "../../protocol/CertificateName.ts"
import type { PeerCertificate } from "./Tls.ts"

/** Names with a comma in them are quoted. */
const alternativeNamesOf = (text = ""): ReadonlyArray<string> =>
  [...text.matchAll(/(\w[\w ]*):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)].map(([, kind, name = ""]) => {
    const plain = name.startsWith('"') ? (JSON.parse(name) as string) : name
    return `${kind}:${plain}`
  })

/** A handshake that goes on from an earlier one looks at no certificate again. */
const isOver = ({ validTo }: X509Certificate): boolean => Date.parse(validTo) < wallMillis()

/** Undefined: it showed none, or one that is no good. */
export const certificateOf = (socket: tls.TLSSocket): PeerCertificate | undefined => {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
  if (certificate === undefined || isOver(certificate)) return undefined
  const key = certificate.publicKey.export({ type: "spki", format: "der" })
  return {
    subject: certificate.subject ?? "",
    alternativeNames: alternativeNamesOf(certificate.subjectAltName),
    keyHash: createHash("sha256").update(key).digest("hex")
  }
}

/** As many characters of a name are enough to know whose it is, and leave room for what else is said. */
const nameLengthMax = 200

const brief = (name: string | undefined): string => {
  const text = inOneLine(name)
  return text.length <= nameLengthMax ? text : `${text.slice(0, nameLengthMax)}…`
}

const described = ({ issuer, serialNumber, subject, validFrom, validTo }: X509Certificate): string => {
  const serial = serialNumber.slice(0, nameLengthMax)
  return `${brief(subject)}, issued by ${brief(issuer)}, serial ${serial}, valid from ${validFrom} to ${validTo}`
}

/** Which one is no good: what was shown, or one above it. */
export const saying = (code: string, shown: X509Certificate | undefined): string =>
  shown === undefined ? code : `${code}: ${described(shown)}`

/** Why there is no certificate, as the system says it where it insists on one. */
export const missingOf = (socket: tls.TLSSocket): string => {
  const shown = socket.getPeerX509Certificate()
  if (shown === undefined) return "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE"
  // What its types have for an error is a code.
  return saying(socket.authorized ? "CERT_HAS_EXPIRED" : String(socket.authorizationError), shown)
}

/**
 * What a connection showed that the server has turned away: by then it cannot be asked any more. The one event that
 * names a connection before its certificate is looked at is that of its keys, of which nothing is read or kept here.
 * The second one is not documented: without it there would be nothing to say, and nothing else is different.
 */
export const rememberShown = (server: tls.Server) => {
  const shown = new WeakMap<tls.TLSSocket, X509Certificate | undefined>()
  server.on("keylog", (_line, socket) => {
    if (shown.has(socket)) return
    shown.set(socket, undefined)
    socket.prependOnceListener("secure", () => shown.set(socket, socket.getPeerX509Certificate()))
  })
  server.on("secureConnection", (socket) => shown.delete(socket))
  return (socket: tls.TLSSocket): X509Certificate | undefined => shown.get(socket)
}
