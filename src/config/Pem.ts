/** Certificates and keys as PEM has them, and in words why they are no use. Every function throws the reason. Pure. */
import type { KeyObject, X509Certificate } from "node:crypto"
import * as PemBlocks from "../protocol/PemBlocks.ts"

/** Loaded at the first call: who dials plain TCP needs nothing of it. */
const crypto = () => process.getBuiltinModule("node:crypto")
const tls = () => process.getBuiltinModule("node:tls")

/** A sequence, of some hundred bytes or with a number for its version, as far as UTF-8 left anything of it. */
const isDer = (text: string) => /^0/.test(text) && (text[1] === "\ufffd" || text.slice(2, 4) === "\u0002\u0001")

/** What a writer has not written to its end, or a disk had no room for: whole parts of it may look like all. */
export const whole = (text: string): string => {
  const count = (what: string) => text.split(`-----${what} `).length
  if (count("BEGIN") !== count("END")) throw new Error("it is cut off")
  return text
}

/** All that are in it, at least one. */
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

/** The runtime takes such a key, and no handshake with it comes to its end. Undefined: it is none. */
const unsigned = ({ asymmetricKeyDetails, asymmetricKeyType }: KeyObject): string | undefined => {
  const { namedCurve } = asymmetricKeyDetails ?? {}
  if (namedCurve !== undefined && !curves.test(namedCurve)) return namedCurve
  return asymmetricKeyType === "dsa" ? asymmetricKeyType : undefined
}

/** `key` must be that of the first certificate in `certificate`, and both of a kind and size that are in use. */
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
 * Who issued the last of the certificates that lead from the first upwards, if that one is not among them, nor anybody
 * whom this relay or the public trusts: clients that have no other way to it refuse it. A relay that is told no
 * authority does not know a private one; one of the public says where its issuer is to be had.
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
