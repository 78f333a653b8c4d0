/** What a client's certificate says of it, or why it lets nobody in: nothing counts before the system found it good. */
import { createHash, type X509Certificate } from "node:crypto"
import type * as tls from "node:tls"
import { wallMillis } from "../../Machine.ts"
import { nameOf } from "../../protocol/CertificateName.ts"
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

const brief = (name: string): string => (name.length <= nameLengthMax ? name : `${name.slice(0, nameLengthMax)}…`)

/** Who shows more has no name worth the milliseconds that it takes to have it in words. */
const describedBytesMax = 32_768

/** Of the connection below; 0 where that is not known. */
const bytesReadOf = (socket: tls.TLSSocket): number =>
  (socket as unknown as { readonly _parent?: Pick<tls.TLSSocket, "bytesRead"> })._parent?.bytesRead ?? 0

/**
 * Of what anybody may show, as values: an `X509Certificate` with a thousand names holds 100 kB that the collector of
 * garbage knows nothing of, and strangers can bring a hundred a second.
 */
const describedBy = (socket: tls.TLSSocket): string | undefined => {
  const byteCount = bytesReadOf(socket)
  if (byteCount > describedBytesMax) return `certificates of ${Math.round(byteCount / 1000)} kB`
  const shown = socket.getPeerCertificate()
  // None is a value without members.
  if (shown?.serialNumber === undefined) return undefined
  const { issuer, serialNumber, subject, subjectaltname, valid_from, valid_to } = shown
  // A subject may be empty, where everything is in the other names.
  const name = brief(nameOf(subject) || (subjectaltname ?? ""))
  const issuedBy = `issued by ${brief(nameOf(issuer))}, serial ${brief(serialNumber)}`
  return `${name}, ${issuedBy}, valid from ${valid_from} to ${valid_to}`
}

/** Which one is no good: what was shown, or one above it. */
export const saying = (code: string, shown: string | undefined): string =>
  shown === undefined ? code : `${code}: ${shown}`

/** Why one that was shown is no good; undefined: none was. */
export const refusedOf = (socket: tls.TLSSocket): string | undefined => {
  const shown = describedBy(socket)
  if (shown === undefined) return undefined
  // What its types have for an error is a code.
  return saying(socket.authorized ? "CERT_HAS_EXPIRED" : String(socket.authorizationError), shown)
}

/**
 * What a connection showed that the server has turned away: by then it cannot be asked any more. The one event that
 * names a connection before its certificate is looked at is that of its keys, of which nothing is read or kept here.
 * The second one is not documented: without it there would be nothing to say, and nothing else is different.
 */
export const rememberShown = (server: tls.Server) => {
  const shown = new WeakMap<tls.TLSSocket, string | undefined>()
  server.on("keylog", (_line, socket) => {
    if (shown.has(socket)) return
    shown.set(socket, undefined)
    socket.prependOnceListener("secure", () => shown.set(socket, describedBy(socket)))
  })
  server.on("secureConnection", (socket) => shown.delete(socket))
  return (socket: tls.TLSSocket): string | undefined => shown.get(socket)
}
