/**
 * A private authority and what it certifies, made with the machine's `openssl`, which is installed everywhere, knows
 * how keys are kept, and lets an operator go on by hand. Keys are readable by their owner only, and never written
 * twice: a certificate that is renewed has the key that it had, and the one before is kept, to be revoked with it.
 */
import type { X509Certificate } from "node:crypto"
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { isIP } from "node:net"
import { dirname, join } from "node:path"
import { Effect } from "effect"
import * as Pem from "../../config/Pem.ts"
import { wallMillis } from "../../Machine.ts"
import * as Directory from "../../storage/Directory.ts"
import { Misused } from "../Misused.ts"
import { attempt, CertificateFailed, run, withText } from "./OpenSsl.ts"

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

/** RFC 5280, appendix A.1. */
const commonNameMax = 64

/** `openssl ca` takes a backslash, a dollar, a hash or a quote in a path for its own. */
const quoted = (path: string) => path.replaceAll(/[\\$#'"`]/g, "\\$&")

/** `database`: where `openssl ca` keeps what it has signed, beside which it may write. */
const configOf = ({ authority, extensions }: Request, database: string): string =>
  [
    ...["[req]", "distinguished_name=none", "[none]"],
    ...["[ca]", "default_ca=signing", "[signing]", "rand_serial=yes", "default_md=sha256", "policy=names"],
    ...[`database=${quoted(database)}`, `new_certs_dir=${quoted(dirname(database))}`, "x509_extensions=own"],
    ...["[names]", "commonName=supplied", "[own]", ...extensions],
    ...(authority === undefined ? [] : ["subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid"]),
    ""
  ].join("\n")

const read = (path: string): Effect.Effect<X509Certificate, CertificateFailed> =>
  attempt(path, () => Pem.certificatesOf(readFileSync(path, "utf8"))[0] as X509Certificate)

/** ms since the epoch. */
export const endOf = (path: string): Effect.Effect<number, CertificateFailed> =>
  Effect.map(read(path), ({ validTo }) => Date.parse(validTo))

const dayMillis = 86_400_000

/** Whole ones; below 0: it is over. `endMillis`: since the epoch. */
export const daysUntil = (endMillis: number): number => Math.floor((endMillis - wallMillis()) / dayMillis)

/** Clocks of other hosts are behind, or go by another zone. */
const earlyMillis = dayMillis

/** `YYYYMMDDHHMMSSZ`, as openssl takes it. */
const timeOf = (millis: number): string => new Date(millis).toISOString().replaceAll(/[-:T]|\.\d+/g, "")

/** What is made now is good from then on. */
const beginOf = (): number => wallMillis() - earlyMillis

/** What is signed is no good for longer than who signed it. */
const endUnder = (authority: Made | undefined, end: number): Effect.Effect<number, CertificateFailed> =>
  Effect.gen(function* () {
    if (authority === undefined) return end
    const last = yield* endOf(authority.certificate)
    if (daysUntil(last) >= 1) return Math.min(end, last)
    return yield* new CertificateFailed({
      path: authority.certificate,
      reason: "the authority is over: first, lttng-relay certs renew authority"
    })
  })

const filesOf = ({ directory, file }: Pick<Request, "directory" | "file">): Made => ({
  certificate: join(directory, `${file}.pem`),
  key: join(directory, `${file}.key`)
})

const sign = (request: Request, out: string, key: ReadonlyArray<string>): Effect.Effect<void, CertificateFailed> =>
  Effect.gen(function* () {
    const { authority, commonName, days } = request
    const begin = beginOf()
    const end = yield* endUnder(authority, begin + days * dayMillis)
    const signer =
      authority === undefined
        ? ["-selfsign", "-keyfile", filesOf(request).key]
        : ["-cert", authority.certificate, "-keyfile", authority.key]
    // What it is good for is in its other names.
    const subject = ["-subj", `/CN=${commonName.slice(0, commonNameMax)}`]
    const dates = ["-startdate", timeOf(begin), "-enddate", timeOf(end)]
    const signed = (database: string) =>
      withText(configOf(request, database), (config) => {
        const asked = `${config}.csr`
        return Effect.andThen(
          run(out, ["req", "-new", "-config", config, ...key, ...subject, "-out", asked]),
          run(out, ["ca", "-batch", "-notext", "-config", config, ...signer, ...dates, "-in", asked, "-out", out])
        )
      })
    yield* withText("", signed)
  })

/** What is half made would stand in the way of the next attempt. */
const orWithout = <A, E>({ certificate, key }: Made, rest: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.onError(rest, () =>
    Effect.forEach([certificate, key], (path) => Effect.ignore(attempt(path, () => rmSync(path, { force: true }))))
  )

const make = (request: Request): Effect.Effect<Made, CertificateFailed> =>
  Effect.gen(function* () {
    const made = filesOf(request)
    const taken = [made.certificate, made.key].find((path) => existsSync(path))
    if (taken !== undefined) return yield* new CertificateFailed({ path: taken, reason: "is there already" })
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", made.key]
    yield* orWithout(made, sign(request, made.certificate, key))
    return made
  })

/** Where certificates are that have been renewed, by the one that took their place, under their serial numbers. */
const renewed = "renewed"

/** Another certificate of the same key, from now on. Whoever reads the file meanwhile finds the one before, or this. */
const remake = (request: Request): Effect.Effect<Made, CertificateFailed> =>
  Effect.gen(function* () {
    const made = filesOf(request)
    const before = yield* read(made.certificate)
    if (serialsIn(request.directory).has(before.serialNumber)) {
      const reason = "it is revoked, and its key with it: remove both, and make others"
      return yield* new CertificateFailed({ path: made.certificate, reason })
    }
    const next = `${made.certificate}.new`
    yield* sign(request, next, ["-key", made.key])
    yield* attempt(made.certificate, () => {
      const kept = join(request.directory, renewed, request.file)
      Directory.makeNow(kept, 0o700)
      copyFileSync(made.certificate, join(kept, `${before.serialNumber}.pem`))
      renameSync(next, made.certificate)
    })
    return made
  })

const files = (directory: string): Made => ({ certificate: join(directory, "ca.pem"), key: join(directory, "ca.key") })

/** A name becomes a part of a file's name, of a subject and of a URI. */
const isPlain = (name: string) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)

const isAddress = (name: string) => isIP(name) !== 0 && !name.includes("%")

/** Parts of a name are not empty. Four numbers that are no address are no name either. */
const isHost = (name: string) => isPlain(name) && !name.includes("..") && !/^[\d.]+$/.test(name)

/** All hosts of a domain: of one with two parts at least, since no client takes it for `*.lan`. */
const isDomain = (name: string) => /^\*\.[^.]+\.[^.]/.test(name) && isHost(name.slice(2))

const refuseName = (name: string, kind: "a name" | "a host") => {
  const has = `${kind} has letters, digits, dots, dashes and underscores (of others, what DNS has for them: xn--…)`
  const reason = name.startsWith("*.") ? "clients take a star for the hosts of a domain of two parts, *.a.example" : has
  return Effect.fail(new Misused(`${name === "" ? '""' : name}: ${reason}`))
}

const authorityOf = (directory: string): Request => ({
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

const relayOf = (directory: string, names: ReadonlyArray<string>, days = relayDays): Request => ({
  directory,
  file: "relay",
  commonName: names[0] ?? "relay",
  days,
  authority: files(directory),
  extensions: [
    "basicConstraints=critical,CA:FALSE",
    "keyUsage=critical,digitalSignature",
    "extendedKeyUsage=serverAuth",
    `subjectAltName=${names.map((name) => (isAddress(name) ? `IP:${name}` : `DNS:${name}`)).join(",")}`
  ]
})

export type Kind = "target" | "viewer"

const clientOf = (directory: string, kind: Kind, name: string, days = clientDays): Request => ({
  directory,
  file: `${kind}-${name}`,
  commonName: name,
  days,
  authority: files(directory),
  extensions: [
    "basicConstraints=critical,CA:FALSE",
    "keyUsage=critical,digitalSignature",
    "extendedKeyUsage=clientAuth",
    // What it is, as the rules of `--access` can say it.
    `subjectAltName=URI:lttng://${kind}/${name}`
  ]
})

const wellNamed = (names: ReadonlyArray<string>): Effect.Effect<void, CertificateFailed | Misused> =>
  Effect.suspend(() => {
    const wrong = names.length === 0 ? "" : names.find((name) => !(isAddress(name) || isHost(name) || isDomain(name)))
    return wrong === undefined ? Effect.void : refuseName(wrong, "a host")
  })

/** What an authority signs with has to be there. */
const withAuthority = (directory: string): Effect.Effect<void, CertificateFailed> =>
  Effect.suspend(() => {
    const { key: path } = files(directory)
    if (existsSync(path)) return Effect.void
    return Effect.fail(new CertificateFailed({ path, reason: "no authority: first, lttng-relay certs init" }))
  })

/** An authority, and a relay's certificate for the names and addresses that it is reached by. */
export const init = (
  directory: string,
  names: ReadonlyArray<string>,
  days = relayDays
): Effect.Effect<{ readonly authority: Made; readonly relay: Made }, CertificateFailed | Misused> =>
  Effect.gen(function* () {
    yield* wellNamed(names)
    yield* attempt(directory, () => Directory.makeNow(directory, 0o700))
    const authority = yield* make(authorityOf(directory))
    return { authority, relay: yield* orWithout(authority, make(relayOf(directory, names, days))) }
  })

/** A client's certificate, of the authority in `directory`. */
export const client = (
  directory: string,
  kind: Kind,
  name: string,
  days = clientDays
): Effect.Effect<Made, CertificateFailed | Misused> =>
  Effect.gen(function* () {
    if (!isPlain(name)) return yield* refuseName(name, "a name")
    yield* withAuthority(directory)
    return yield* make(clientOf(directory, kind, name, days))
  })

/** Names and addresses, as `init` takes them; or what a client is. */
const namesOf = ({ subjectAltName = "" }: X509Certificate): ReadonlyArray<string> =>
  subjectAltName
    .split(", ")
    .filter((name) => name !== "")
    .map((name) => name.replace(/^(DNS|IP Address|URI):/, ""))

/** The relay's certificate from now on, for the same names or others. */
export const renewRelay = (
  directory: string,
  names: ReadonlyArray<string> | undefined
): Effect.Effect<Made, CertificateFailed | Misused> =>
  Effect.gen(function* () {
    yield* withAuthority(directory)
    const wanted = names ?? namesOf(yield* read(filesOf({ directory, file: "relay" }).certificate))
    yield* wellNamed(wanted)
    return yield* remake(relayOf(directory, wanted))
  })

export const renewClient = (
  directory: string,
  kind: Kind,
  name: string
): Effect.Effect<Made, CertificateFailed | Misused> =>
  Effect.gen(function* () {
    if (!isPlain(name)) return yield* refuseName(name, "a name")
    yield* withAuthority(directory)
    return yield* remake(clientOf(directory, kind, name))
  })

/** What it has signed is good under the new one, too. Its list of what is revoked is written again. */
export const renewAuthority = (directory: string): Effect.Effect<Made, CertificateFailed> =>
  Effect.gen(function* () {
    yield* withAuthority(directory)
    const made = yield* remake(authorityOf(directory))
    if (existsSync(listOf(directory))) yield* writeList(directory)
    return made
  })

/** A certificate that there is. */
export interface Kept {
  readonly file: string
  readonly names: ReadonlyArray<string>
  readonly endMillis: number
  readonly isRevoked: boolean
}

/** Those in force and those that are revoked; what ends first comes first. */
export const list = (directory: string): Effect.Effect<ReadonlyArray<Kept>, CertificateFailed> =>
  Effect.gen(function* () {
    const all = yield* attempt(directory, () => readdirSync(directory))
    const wanted = all.filter((file) => /^(ca|relay|(target|viewer)-.+)\.pem$/.test(file))
    const revoked = serialsIn(directory)
    const kept = yield* Effect.forEach(wanted, (file) =>
      Effect.map(read(join(directory, file)), (certificate) => ({
        file,
        names: namesOf(certificate),
        endMillis: Date.parse(certificate.validTo),
        isRevoked: revoked.has(certificate.serialNumber)
      }))
    )
    return kept.toSorted((one, other) => one.endMillis - other.endMillis)
  })

/** What `openssl ca` keeps of what is revoked. */
const ledger = "revoked"

const revocationConfig = (directory: string, { certificate, key }: Made): string => {
  const lines = {
    database: join(directory, ledger, "index.txt"),
    certificate,
    private_key: key,
    default_md: "sha256",
    default_crl_days: String(revocationDays),
    crl_extensions: "list"
  }
  const settings = Object.entries(lines).map(([name, value]) => `${name}=${quoted(value)}`)
  // All authorities that are made here have one name.
  const extensions = ["[list]", "authorityKeyIdentifier=keyid:always"]
  return ["[ca]", "default_ca=own", "[own]", ...settings, ...extensions, ""].join("\n")
}

const ledgerOf = (directory: string) => join(directory, ledger, "index.txt")

/** Of all that are revoked. */
const serialsIn = (directory: string): ReadonlySet<string> => {
  if (!existsSync(ledgerOf(directory))) return new Set()
  const lines = readFileSync(ledgerOf(directory), "utf8").split("\n")
  return new Set(lines.filter((line) => line.startsWith("R\t")).map((line) => line.split("\t")[3] ?? ""))
}

/** For `--tls-crl`. */
const listOf = (directory: string): string => join(directory, "revoked.pem")

/** Whoever reads it meanwhile finds the one before. */
const writeList = (directory: string): Effect.Effect<string, CertificateFailed> =>
  withText(revocationConfig(directory, files(directory)), (config) => {
    const path = listOf(directory)
    return Effect.andThen(
      run(path, ["ca", "-config", config, "-gencrl", "-crl_lastupdate", timeOf(beginOf()), "-out", `${path}.new`]),
      attempt(path, () => {
        renameSync(`${path}.new`, path)
        return path
      })
    )
  })

/** A client's: those that it took the place of, and the one in force. */
const certificatesOf = (directory: string, kind: Kind, name: string): ReadonlyArray<string> => {
  const earlier = join(directory, renewed, `${kind}-${name}`)
  const kept = existsSync(earlier) ? readdirSync(earlier).map((file) => join(earlier, file)) : []
  return [...kept, join(directory, `${kind}-${name}.pem`)]
}

/** Revokes a client's certificates. Answers the path of the list of all that are revoked: relays that read it obey. */
export const revoke = (
  directory: string,
  kind: Kind,
  name: string
): Effect.Effect<string, CertificateFailed | Misused> =>
  Effect.gen(function* () {
    if (!isPlain(name)) return yield* refuseName(name, "a name")
    yield* attempt(directory, () => {
      Directory.makeNow(join(directory, ledger), 0o700)
      writeFileSync(ledgerOf(directory), "", { flag: "a" })
    })
    const revoked = serialsIn(directory)
    const all = yield* attempt(directory, () => certificatesOf(directory, kind, name))
    const left: Array<string> = []
    for (const path of all) if (!revoked.has((yield* read(path)).serialNumber)) left.push(path)
    if (left.length === 0) {
      return yield* new CertificateFailed({ path: all.at(-1) ?? directory, reason: "it is revoked already" })
    }
    yield* withText(revocationConfig(directory, files(directory)), (config) =>
      Effect.forEach(left, (path) => run(path, ["ca", "-config", config, "-revoke", path]), { discard: true })
    )
    return yield* writeList(directory)
  })
