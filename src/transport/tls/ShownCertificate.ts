/** What a client's certificate says of it, once the system has found it good; otherwise why it is refused. */
import { createHash, type X509Certificate } from "node:crypto"
import type * as tls from "node:tls"
import { wallMillis } from "../../Machine.ts"
import { nameOf } from "../../protocol/CertificateName.ts"
import type { PeerCertificate } from "./Tls.ts"

/** Splits the runtime's list of alternative names into `KIND:NAME`; names with a comma in them come quoted. */
const alternativeNamesOf = (text = ""): ReadonlyArray<string> =>
  [...text.matchAll(/(\w[\w ]*):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)].map(([, kind, name = ""]) => {
    const plain = name.startsWith('"') ? (JSON.parse(name) as string) : name
    return `${kind}:${plain}`
  })

/** Whether the certificate has expired: a resumed handshake does not check it again. */
const isOver = ({ validTo }: X509Certificate): boolean => Date.parse(validTo) < wallMillis()

/** The certificate of a connection whose handshake is over; undefined: none was shown, or a bad one. */
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

/** So many characters of a name are enough to know whose it is, and leave room for the rest of the line. */
const nameLengthMax = 200

const brief = (name: string): string => (name.length <= nameLengthMax ? name : `${name.slice(0, nameLengthMax)}…`)

/** Certificates of more bytes are not described by name: that would take milliseconds. */
const describedBytesMax = 32_768

/** Bytes read by the connection below the TLS socket; 0 if that is not known. */
const bytesReadOf = (socket: tls.TLSSocket): number =>
  (socket as unknown as { readonly _parent?: Pick<tls.TLSSocket, "bytesRead"> })._parent?.bytesRead ?? 0

/**
 * Describes the certificate that a client showed, good or not. It is read as plain values: an `X509Certificate` with a
 * thousand names holds 100 kB that the garbage collector knows nothing of, and strangers can bring a hundred a second.
 */
const describedBy = (socket: tls.TLSSocket): string | undefined => {
  const byteCount = bytesReadOf(socket)
  if (byteCount > describedBytesMax) return `certificates of ${Math.round(byteCount / 1000)} kB`
  const shown = socket.getPeerCertificate()
  // Without a certificate this is an object without members.
  if (shown?.serialNumber === undefined) return undefined
  const { issuer, serialNumber, subject, subjectaltname, valid_from, valid_to } = shown
  // A subject may be empty, with everything in the alternative names.
  const name = brief(nameOf(subject) || (subjectaltname ?? ""))
  const issuedBy = `issued by ${brief(nameOf(issuer))}, serial ${brief(serialNumber)}`
  return `${name}, ${issuedBy}, valid from ${valid_from} to ${valid_to}`
}

/** The system's code, and the certificate that was shown: that one, or one above it, is refused. */
export const saying = (code: string, shown: string | undefined): string =>
  shown === undefined ? code : `${code}: ${shown}`

/** Why the certificate that was shown is refused; undefined: none was shown. */
export const refusedOf = (socket: tls.TLSSocket): string | undefined => {
  const shown = describedBy(socket)
  if (shown === undefined) return undefined
  // The types call this an error, but it is a code.
  return saying(socket.authorized ? "CERT_HAS_EXPIRED" : String(socket.authorizationError), shown)
}

/**
 * Answers what a connection showed that the server has turned away: by then it cannot be asked any more. The only event
 * that names a connection before its certificate is checked is "keylog", whose keys are neither read nor kept here. The
 * event "secure" is not documented: without it there would be no description, and nothing else would change.
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
