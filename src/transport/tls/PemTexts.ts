/**
 * Whether what a program gives is PEM at all. The runtime passes over authorities without a certificate, and takes an
 * empty text for none given: then whoever the public trusts would be trusted.
 */
import { certificatesOf } from "../../protocol/PemBlocks.ts"
import type { ClientIdentity, ServerIdentity } from "./Tls.ts"

const expected = "the text of a PEM file is expected"

const certificateIn = (member: string, text: string | undefined): void => {
  if (text === undefined || certificatesOf(text).length > 0) return
  throw new Error(`${member}: there is no certificate in it; ${expected}`)
}

const keyIn = (member: string, text: string): void => {
  if (/-----BEGIN [^-]*PRIVATE KEY-----/.test(text)) return
  throw new Error(`${member}: there is no private key in it; ${expected}`)
}

/** Throws which member is no use. */
export const checkClient = ({ ca, certificate, key }: ClientIdentity): void => {
  certificateIn("ca", ca)
  certificateIn("certificate", certificate)
  if (certificate !== undefined) keyIn("key", key ?? certificate)
  else if (key !== undefined) throw new Error("key: of no use without a certificate")
}

/** As `checkClient`. */
export const checkServer = ({ certificate, clientCa, key }: ServerIdentity): void => {
  certificateIn("certificate", certificate)
  certificateIn("clientCa", clientCa)
  keyIn("key", key)
}
