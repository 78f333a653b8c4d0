/** Certificates and keys in PEM texts. Functions that cannot use a text throw why, in an operator's words. Pure. */
import type { KeyObject, X509Certificate } from "node:crypto"
import * as PemBlocks from "../protocol/PemBlocks.ts"

/** Loaded at the first call: a program that dials plain TCP needs nothing of it. */
const crypto = () => process.getBuiltinModule("node:crypto")
const tls = () => process.getBuiltinModule("node:tls")

/** Whether a text read as UTF-8 was DER: a sequence of some hundred bytes, or one that begins with a version. */
const isDer = (text: string) => /^0/.test(text) && (text[1] === "\ufffd" || text.slice(2, 4) === "\u0002\u0001")

/** The text itself; throws if a block is cut off, since the whole blocks before it would be taken for all. */
export const whole = (text: string): string => {
  const count = (what: string) => text.split(`-----${what} `).length
  if (count("BEGIN") !== count("END")) throw new Error("it is cut off")
  return text
}

/** All certificates in a text, at least one. */
export const certificatesOf = (text: string): ReadonlyArray<X509Certificate> => {
  const blocks = PemBlocks.certificatesOf(whole(text))
  if (blocks.length === 0) {
    throw new Error(isDer(text) ? "it is DER: openssl x509 -in THIS -out PEM" : "there is no certificate in it")
  }
  const { X509Certificate } = crypto()
  return blocks.map((block) => new X509Certificate(block))
}

const isEncrypted = (text: string) => /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)

const curves = /^(prime256v1|secp(384|521)r1|brainpoolP(256|384|512)r1)$/

/** The kind of a key that the runtime accepts but with which no handshake succeeds; undefined: the key is usable. */
const unsigned = ({ asymmetricKeyDetails, asymmetricKeyType }: KeyObject): string | undefined => {
  const { namedCurve } = asymmetricKeyDetails ?? {}
  if (namedCurve !== undefined && !curves.test(namedCurve)) return namedCurve
  return asymmetricKeyType === "dsa" ? asymmetricKeyType : undefined
}

/** Throws unless `key` belongs to the first certificate in `certificate`, and both are of a usable kind and size. */
export const matchKey = (key: string, certificate: string): void => {
  const certificates = certificatesOf(certificate)
  if (!/-----BEGIN [^-]*PRIVATE KEY-----/.test(whole(key))) {
    throw new Error(isDer(key) ? "it is DER: openssl pkey -in THIS -out PEM" : "there is no private key in it")
  }
  if (isEncrypted(key)) throw new Error("it is encrypted, and there is nobody to ask: openssl pkey -in THIS -out PLAIN")
  const own = crypto().createPrivateKey(key)
  const at = certificates.findIndex((one) => one.checkPrivateKey(own))
  if (at < 0) throw new Error("not that of the certificate")
  if (at > 0) throw new Error(`that of certificate ${at + 1} in its file, which must come first`)
  const kind = unsigned(own)
  if (kind !== undefined) throw new Error(`there is no signature in TLS by a key of its kind, ${kind}`)
  tls().createSecureContext({ cert: certificate, key })
}

/**
 * The issuer of the last certificate of the chain that leads upwards from the first one, if the issuer is neither in
 * the chain nor known to this relay or the public: clients that cannot get it elsewhere refuse the chain. If the relay
 * knows no authority, only public certificates are judged, which say where their issuer's is ("CA Issuers"): a private
 * authority may be known to the clients.
 */
export const missingIssuer = (
  chain: ReadonlyArray<X509Certificate>,
  known: ReadonlyArray<X509Certificate>
): string | undefined => {
  if (known.length === 0 && !/CA Issuers/.test(chain[0]?.infoAccess ?? "")) return undefined
  const rest = new Set(chain)
  const issuerIn = (among: Iterable<X509Certificate>, of: X509Certificate) =>
    [...among].find((one) => of.checkIssued(one))
  for (let at = chain[0]; at !== undefined; ) {
    if (at.checkIssued(at) || issuerIn(known, at) !== undefined) return undefined
    rest.delete(at)
    const above = issuerIn(rest, at)
    if (above === undefined)
      return issuerIn(certificatesOf(tls().rootCertificates.join("\n")), at) ? undefined : at.issuer
    at = above
  }
  return undefined
}

/** Those that have not signed themselves, and whose issuer is not among them: nobody is let in by them. */
export const rootless = (authorities: ReadonlyArray<X509Certificate>): ReadonlyArray<X509Certificate> =>
  authorities.filter((one) => !one.checkIssued(one) && !authorities.some((other) => one.checkIssued(other)))
