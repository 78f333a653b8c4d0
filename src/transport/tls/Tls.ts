/**
 * What both ends of a TLS connection agree on: versions, ciphers, and the names by which a client says which of a
 * relay's ports it means. Pure.
 */
import * as SystemError from "../../errors/SystemError.ts"

/** A relay's certificate and key, PEM. With `clientCa`, only clients with a certificate signed by it are let in. */
export interface ServerIdentity {
  readonly certificate: string
  readonly key: string
  readonly clientCa?: string | undefined
  /** Revocation lists, PEM: one of every authority in `clientCa`, none of them out of date. */
  readonly crl?: string | undefined
  readonly minVersion?: MinVersion | undefined
}

/** Whom a client trusts, and what it shows, as PEM texts. Without `ca` the runtime's own authorities are trusted. */
export interface ClientIdentity {
  readonly ca?: string | undefined
  readonly certificate?: string | undefined
  readonly key?: string | undefined
  /** The name that the relay's certificate must have, if it is not the host that is dialled. */
  readonly serverName?: string | undefined
}

/** The oldest version of TLS that is accepted. */
export type MinVersion = "TLSv1.2" | "TLSv1.3"

/** Whether a port takes TLS: never, when the peer begins with it, or nothing else. */
export type Mode = "off" | "allow" | "require"

/** The ports of LTTng's protocols. */
export type Role = "control" | "data" | "live"

export const roles: ReadonlyArray<Role> = ["control", "data", "live"]

/** What a connection is for: one of LTTng's protocols, or the operator's port. */
export type Purpose = Role | "http"

export const protocolOf = (purpose: Purpose): string => (purpose === "http" ? "http/1.1" : `lttng-${purpose}`)

/** What a client asks for by this ALPN name; undefined: by none that we know, and it gets the port's own. */
export const purposeOf = (protocol: string | false | null | undefined): Purpose | undefined =>
  ([...roles, "http"] as const).find((purpose) => protocolOf(purpose) === protocol)

/** The first byte of every TLS connection: a record of the handshake. No message of a target or a viewer begins so. */
export const handshakeByte = 0x16

/** Ciphers that use AES; those with ECDHE are of TLS 1.2. */
const aes = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384"
]
const chacha = ["TLS_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"]

/** OpenSSL's list of ciphers, the fastest first: without instructions for AES that is ChaCha20, by far. */
export const ciphersOf = (hasAes: boolean): string => (hasAes ? [...aes, ...chacha] : [...chacha, ...aes]).join(":")

/** The reason for people within OpenSSL's message, which is a line for its authors; for other errors, the system's. */
export const reasonOf = (cause: Error & { readonly reason?: unknown }): string => {
  const [, within] = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(cause.message) ?? []
  const reason = typeof cause.reason === "string" ? cause.reason : within
  if (reason === "wrong version number") return "what answers there speaks no TLS"
  return reason ?? SystemError.reasonOf(cause)
}

/** Who a peer is, by the certificate that it showed and that was found good. */
export interface PeerCertificate {
  /** `CN=…` and the other attributes, one a line; what has a meaning in RFC 2253 has a backslash before it. */
  readonly subject: string
  /** Alternative names, as `URI:…`, `DNS:…`, `email:…`. */
  readonly alternativeNames: ReadonlyArray<string>
  /** SHA-256 of the public key, in hexadecimal digits. */
  readonly keyHash: string
}
