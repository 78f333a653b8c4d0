/**
 * Certificates that nobody should make: of the past, of the future, with names of every kind, and revoked ones. Of an
 * authority of its own, by the machine's `openssl ca`.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import * as Process from "./process.ts"
import * as Relays from "./relays.ts"

export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Request {
  readonly name: string
  /** Of its subject, as the value of `CN`. */
  readonly commonName?: string
  /** `URI:…,DNS:…`, or `DER:…`. */
  readonly alternatives?: string
  /** `YYYYMMDDHHMMSSZ`. */
  readonly from?: string
  readonly to?: string
  readonly use?: "clientAuth" | "serverAuth"
}

export type Failure = Process.ProcessFailed | Process.TimedOut

export interface Authority {
  readonly ca: string
  readonly issue: (request: Request) => Effect.Effect<Certificate, Failure>
  /** The authority's list, with these in it. */
  readonly revoke: (...names: ReadonlyArray<string>) => Effect.Effect<string, Failure>
  /** That list again, good for so long only. */
  readonly listFor: (seconds: number) => Effect.Effect<string, Failure>
  /** Or from then on, as `YYYYMMDDHHMMSSZ`. */
  readonly listFrom: (begin: string) => Effect.Effect<string, Failure>
  /** As `openssl ca` makes it when nobody asks for more: it does not say by which key it is signed. */
  readonly plainList: Effect.Effect<string, Failure>
}

const configOf = (directory: string) => `
[ca]
default_ca = own
[own]
database = ${directory}/index.txt
new_certs_dir = ${directory}
certificate = ${directory}/ca.pem
private_key = ${directory}/ca.key
rand_serial = yes
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = none
[none]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[list]
authorityKeyIdentifier = keyid:always
`

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

/** General names in DER: what no configuration can say. `tag` is 2 for DNS, 6 for URI; at most 100 bytes each. */
export const der = (...names: ReadonlyArray<readonly [tag: number, value: string]>): string => {
  const parts = names.map(([tag, value]) => {
    const bytes = Buffer.from(value, "latin1")
    return Buffer.concat([Buffer.of(0x80 + tag, bytes.length), bytes])
  })
  const all = Buffer.concat(parts)
  return `DER:${Buffer.concat([Buffer.of(0x30, all.length), all]).toString("hex")}`
}

/** `to`: `YYYYMMDDHHMMSSZ`, where it is over soon. */
export const authorityUntil = Effect.fnUntraced(function* (to?: string) {
  const directory = yield* Relays.temporaryDirectory("authority")
  const config = join(directory, "openssl.cnf")
  const openssl = (...args: ReadonlyArray<string>) => Process.run("openssl", args)
  yield* Effect.sync(() => {
    mkdirSync(directory, { recursive: true })
    writeFileSync(config, configOf(directory))
    writeFileSync(join(directory, "index.txt"), "")
  })
  const at = (name: string, ending: string) => join(directory, `${name}.${ending}`)
  const text = (path: string) => readFileSync(path, "utf8")
  const root = ["-config", config, "-extensions", "root", "-keyout", at("ca", "key"), "-out", at("ca", "pem")]
  yield* openssl("req", "-x509", ...root, ...newKey, "-subj", "/CN=strange authority", "-days", "30")
  if (to !== undefined) {
    const request = [
      "-config",
      config,
      "-key",
      at("ca", "key"),
      "-out",
      at("ca", "csr"),
      "-subj",
      "/CN=strange authority"
    ]
    yield* openssl("req", "-new", ...request)
    const again = ["-config", config, "-extensions", "root", "-in", at("ca", "csr"), "-out", at("ca", "pem")]
    yield* openssl("ca", "-batch", "-selfsign", "-notext", "-enddate", to, ...again)
  }
  const issue = ({ alternatives, commonName, from, name, to: end, use = "clientAuth" }: Request) =>
    Effect.gen(function* () {
      const subject = `/CN=${(commonName ?? name).replaceAll(/[\\/+]/g, "\\$&")}`
      const request = ["-config", config, "-keyout", at(name, "key"), "-out", at(name, "csr"), "-subj", subject]
      yield* openssl("req", "-new", "-utf8", ...request, ...newKey)
      const extensions = [
        "basicConstraints = critical,CA:FALSE",
        `extendedKeyUsage = ${use}`,
        ...(alternatives === undefined ? [] : [`subjectAltName = ${alternatives}`])
      ]
      writeFileSync(at(name, "ext"), extensions.join("\n"))
      const dates = [
        ...(from === undefined ? [] : ["-startdate", from]),
        ...(end === undefined ? [] : ["-enddate", end])
      ]
      const files = ["-in", at(name, "csr"), "-out", at(name, "pem"), "-extfile", at(name, "ext")]
      yield* openssl("ca", "-config", config, "-batch", "-notext", "-utf8", ...dates, ...files)
      return { cert: text(at(name, "pem")), key: text(at(name, "key")) }
    })
  const plainList = (...more: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      yield* openssl("ca", "-config", config, "-gencrl", "-out", at("revoked", "crl"), ...more)
      return text(at("revoked", "crl"))
    })
  // All authorities that are made here have one name: of two lists that do not say whose they are, the newer counts.
  const list = (...more: ReadonlyArray<string>) => plainList("-crlexts", "list", ...more)
  const revoke = (...names: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      for (const name of names) yield* openssl("ca", "-config", config, "-revoke", at(name, "pem"))
      return yield* list()
    })
  const listFor = (seconds: number) => list("-crlsec", `${seconds}`)
  const listFrom = (begin: string) => list("-crl_lastupdate", begin, "-crldays", "20000")
  return {
    ca: text(at("ca", "pem")),
    issue,
    revoke,
    listFor,
    listFrom,
    plainList: plainList()
  } satisfies Authority as Authority
})

export const authority: Effect.Effect<Authority, Failure, Scope.Scope> = authorityUntil()
