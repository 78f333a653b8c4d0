/**
 * A private authority and what it certifies, made by the machine's `openssl`: it is everywhere, knows how keys are
 * kept, and is what whoever takes over from here will use. Keys are for their owner only, nothing is overwritten.
 */
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { isIPv6 } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Schema } from "effect"

/** No certificate was made: `reason` is what openssl or the system says. */
export class CertificateFailed extends Schema.TaggedError<CertificateFailed>()("CertificateFailed", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.path}: ${this.reason}`
  }
}

export interface Made {
  readonly certificate: string
  readonly key: string
}

interface Request {
  readonly directory: string
  /** Of the files, without their suffix. */
  readonly file: string
  readonly commonName: string
  readonly days: number
  readonly extensions: ReadonlyArray<string>
  /** Undefined: it signs itself. */
  readonly authority?: Made
}

const authorityDays = 3650
const relayDays = 825
const clientDays = 825
/** A list that is out of date lets nobody in. */
const revocationDays = authorityDays

const configOf = ({ extensions }: Request): string =>
  ["[req]", "distinguished_name=name", "x509_extensions=own", "[name]", "[own]", ...extensions, ""].join("\n")

const run = (path: string, args: ReadonlyArray<string>): Effect.Effect<void, CertificateFailed> =>
  Effect.callback((resume) => {
    // What is made is its owner's: openssl makes keys so, whatever the umask.
    const child = execFile("openssl", args, (cause, _out, complaint) => {
      const missing = (cause as NodeJS.ErrnoException | null)?.code === "ENOENT"
      const reason = missing
        ? "there is no openssl on this machine"
        : complaint.trim().split("\n").at(-1) || cause?.message
      resume(cause === null ? Effect.void : Effect.fail(new CertificateFailed({ path, reason: reason ?? "" })))
    })
    return Effect.sync(() => child.kill())
  })

/** Runs `use` with a file of that text. */
const withText = <A, E>(text: string, use: (path: string) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "lttng-relay-certs-"))),
    (directory) => {
      const path = join(directory, "openssl.cnf")
      writeFileSync(path, text)
      return use(path)
    },
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )

/** `openssl ca` takes a backslash, a dollar or a hash in a path for its own. */
const quoted = (path: string) => path.replaceAll(/[\\$#]/g, "\\$&")

const make = (request: Request): Effect.Effect<Made, CertificateFailed> =>
  Effect.gen(function* () {
    const { authority, commonName, days, directory, file } = request
    const made = { certificate: join(directory, `${file}.pem`), key: join(directory, `${file}.key`) }
    const taken = [made.certificate, made.key].find((path) => existsSync(path))
    if (taken !== undefined) return yield* new CertificateFailed({ path: taken, reason: "is there already" })
    const signer = authority === undefined ? [] : ["-CA", authority.certificate, "-CAkey", authority.key]
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", made.key]
    const rest = ["-out", made.certificate, "-days", String(days), "-subj", `/CN=${commonName}`]
    yield* withText(configOf(request), (config) =>
      run(made.certificate, ["req", "-x509", "-config", config, ...signer, ...key, ...rest])
    )
    return made
  })

const files = (directory: string): Made => ({ certificate: join(directory, "ca.pem"), key: join(directory, "ca.key") })

/** A name becomes a part of a file's name, of a subject and of a URI. */
const isPlain = (name: string) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)

const isAddress = (name: string) => isIPv6(name) || /^\d+(\.\d+){3}$/.test(name)

const refuseName = (name: string) =>
  new CertificateFailed({ path: name, reason: "a name has letters, digits, dots, dashes and underscores" })

/** An authority, and a relay's certificate for the names and addresses that it is reached by. */
export const init = (
  directory: string,
  names: ReadonlyArray<string>,
  days = relayDays
): Effect.Effect<{ readonly authority: Made; readonly relay: Made }, CertificateFailed> =>
  Effect.gen(function* () {
    const wrong = names.find((name) => !isAddress(name) && !isPlain(name))
    if (wrong !== undefined) return yield* refuseName(wrong)
    yield* Effect.try({
      try: () => mkdirSync(directory, { recursive: true, mode: 0o700 }),
      catch: (cause) => new CertificateFailed({ path: directory, reason: (cause as Error).message })
    })
    const authority = yield* make({
      directory,
      file: "ca",
      commonName: "lttng-relay authority",
      days: authorityDays,
      extensions: [
        "basicConstraints=critical,CA:TRUE,pathlen:0",
        "keyUsage=critical,keyCertSign,cRLSign",
        "subjectKeyIdentifier=hash"
      ]
    })
    const alternatives = names.map((name) => (isAddress(name) ? `IP:${name}` : `DNS:${name}`))
    const relay = yield* make({
      directory,
      file: "relay",
      commonName: names[0] ?? "relay",
      days,
      authority,
      extensions: [
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature",
        "extendedKeyUsage=serverAuth",
        `subjectAltName=${alternatives.join(",")}`
      ]
    })
    return { authority, relay }
  })

/** What a client of that name is, as the rules of `--access` can say it. */
const uriOf = (kind: "target" | "viewer", name: string): string => `lttng://${kind}/${name}`

/** A client's certificate, of the authority in `directory`. */
export const client = (
  directory: string,
  kind: "target" | "viewer",
  name: string,
  days = clientDays
): Effect.Effect<Made, CertificateFailed> =>
  Effect.gen(function* () {
    if (!isPlain(name)) return yield* refuseName(name)
    const authority = files(directory)
    if (!existsSync(authority.key)) {
      return yield* new CertificateFailed({
        path: authority.key,
        reason: "no authority: first, lttng-relay certs init"
      })
    }
    return yield* make({
      directory,
      file: `${kind}-${name}`,
      commonName: name,
      days,
      authority,
      extensions: [
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature",
        "extendedKeyUsage=clientAuth",
        `subjectAltName=URI:${uriOf(kind, name)}`
      ]
    })
  })

/** What `openssl ca` keeps of what is revoked. */
const ledger = "revoked"

const revocationConfig = (directory: string, { certificate, key }: Made): string => {
  const lines = {
    database: join(directory, ledger, "index.txt"),
    certificate,
    private_key: key,
    default_md: "sha256",
    default_crl_days: String(revocationDays)
  }
  const settings = Object.entries(lines).map(([name, value]) => `${name}=${quoted(value)}`)
  return ["[ca]", "default_ca=own", "[own]", ...settings, ""].join("\n")
}

/** Revokes a client's certificate. Answers the path of the list of all that are revoked: relays that read it obey. */
export const revoke = (
  directory: string,
  kind: "target" | "viewer",
  name: string
): Effect.Effect<string, CertificateFailed> =>
  Effect.gen(function* () {
    if (!isPlain(name)) return yield* refuseName(name)
    const certificate = join(directory, `${kind}-${name}.pem`)
    const list = join(directory, "revoked.pem")
    yield* Effect.try({
      try: () => {
        mkdirSync(join(directory, ledger), { recursive: true, mode: 0o700 })
        writeFileSync(join(directory, ledger, "index.txt"), "", { flag: "a" })
      },
      catch: (cause) => new CertificateFailed({ path: directory, reason: (cause as Error).message })
    })
    yield* withText(revocationConfig(directory, files(directory)), (config) =>
      Effect.andThen(
        run(certificate, ["ca", "-config", config, "-revoke", certificate]),
        // Whoever reads it meanwhile finds the one before.
        run(list, ["ca", "-config", config, "-gencrl", "-out", `${list}.new`])
      )
    )
    yield* Effect.sync(() => renameSync(`${list}.new`, list))
    return list
  })
