/** Certificates and keys as PEM has them, and in words why they are no use. Every function throws the reason. Pure. */
import type { X509Certificate } from "node:crypto"

/** Loaded at the first call: who dials plain TCP needs nothing of it. */
const crypto = () => process.getBuiltinModule("node:crypto")
const tls = () => process.getBuiltinModule("node:tls")

/** All that are in it, at least one. */
export const certificatesOf = (text: string): ReadonlyArray<X509Certificate> => {
  const blocks = text.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END [^-]*-----/g)
  if (blocks === null) throw new Error("there is no certificate in it")
  const { X509Certificate } = crypto()
  return blocks.map((block) => new X509Certificate(block))
}

const isEncrypted = (text: string) => /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)

/** `key` must be that of the first certificate in `certificate`, and both of a kind and size that are in use. */
export const matchKey = (key: string, certificate: string): void => {
  const [first] = certificatesOf(certificate)
  if (!/-----BEGIN [^-]*PRIVATE KEY-----/.test(key)) throw new Error("there is no private key in it")
  if (isEncrypted(key)) throw new Error("it is encrypted, and there is nobody to ask: openssl pkey -in THIS -out PLAIN")
  if (first?.checkPrivateKey(crypto().createPrivateKey(key)) !== true) throw new Error("not that of the certificate")
  tls().createSecureContext({ cert: certificate, key })
}
