/**
 * A private authority and what it certifies, made with the machine's `openssl`, which is installed everywhere, knows
 * how keys are kept, and lets an operator go on by hand. Keys are readable by their owner only, and never written
 * twice: a certificate that is renewed has the key that it had, and the one before is kept, to be revoked with it.
 */
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import * as Directory from "../../storage/Directory.ts"
import type { Misused } from "../Misused.ts"
import { namesOf, read } from "./Certificate.ts"
import { accepted, refusalOfClient, refusalOfHosts } from "./Names.ts"
import { attempt, CertificateFailed } from "./OpenSsl.ts"
import {
  authorityIn,
  authorityOf,
  clientOf,
  earlierOf,
  filesOf,
  type Kind,
  type Made,
  type Request,
  relayOf
} from "./Request.ts"
import { rewriteList, serialsIn } from "./Revocation.ts"
import { sign } from "./Signing.ts"

/** Removes what was made if `rest` fails: it would stand in the way of the next attempt. */
const orWithout = <A, E>({ certificate, key }: Made, rest: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.onError(rest, () =>
    Effect.forEach([certificate, key], (path) => Effect.ignore(attempt(path, () => rmSync(path, { force: true }))))
  )

/** Never written over: it may be in use, and so may all that it has signed. */
const isThere = "is there already: lttng-relay certs renew makes it valid for longer"

const make = (request: Request): Effect.Effect<Made, CertificateFailed> =>
  Effect.gen(function* () {
    const made = filesOf(request)
    if (existsSync(made.certificate)) {
      // If only a part of it is there, an attempt broke off: `read` says so.
      yield* read(made.certificate)
      return yield* new CertificateFailed({ path: made.certificate, reason: isThere })
    }
    if (existsSync(made.key)) {
      const reason = "is there without a certificate: remove it, if an attempt broke off"
      return yield* new CertificateFailed({ path: made.key, reason })
    }
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", made.key]
    yield* orWithout(made, sign(request, made.certificate, key))
    return made
  })

/** Makes another certificate of the same key. Whoever reads the file meanwhile finds the old one, or the new one. */
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
      const kept = earlierOf(request)
      Directory.makeNow(kept, 0o700)
      copyFileSync(made.certificate, join(kept, `${before.serialNumber}.pem`))
      renameSync(next, made.certificate)
    })
    return made
  })

/** Fails if the key that the authority signs with is missing. */
const withAuthority = (directory: string): Effect.Effect<void, CertificateFailed> =>
  Effect.suspend(() => {
    const { key: path } = authorityIn(directory)
    if (existsSync(path)) return Effect.void
    return Effect.fail(new CertificateFailed({ path, reason: "no authority: first, lttng-relay certs init" }))
  })

/** Whether only the relay's is missing: an attempt broke off, or it was removed since its key had become known. */
const isWithoutRelay = (directory: string): boolean =>
  Object.values(authorityIn(directory)).every((path) => existsSync(path)) &&
  !existsSync(filesOf({ directory, file: "relay" }).certificate)

/** Makes an authority, unless there is one, and a relay's certificate for the names and addresses it is reached by. */
export const init = (
  directory: string,
  names: ReadonlyArray<string>,
  days?: number
): Effect.Effect<{ readonly authority: Made; readonly relay: Made }, CertificateFailed | Misused> =>
  Effect.gen(function* () {
    yield* accepted(refusalOfHosts(names))
    yield* attempt(
      directory,
      () => Directory.makeNow(directory, 0o700),
      (cause) => Directory.reasonOf(directory, cause)
    )
    const relay = make(relayOf(directory, names, days))
    if (isWithoutRelay(directory)) return { authority: authorityIn(directory), relay: yield* relay }
    const authority = yield* make(authorityOf(directory))
    return { authority, relay: yield* orWithout(authority, relay) }
  })

/** Makes a client's certificate, signed by the authority in `directory`. */
export const client = (
  directory: string,
  kind: Kind,
  name: string,
  days?: number
): Effect.Effect<Made, CertificateFailed | Misused> =>
  Effect.gen(function* () {
    yield* accepted(refusalOfClient(name))
    yield* withAuthority(directory)
    return yield* make(clientOf(directory, kind, name, days))
  })

/** Renews the relay's certificate, for the same names or others. */
export const renewRelay = (
  directory: string,
  names: ReadonlyArray<string> | undefined
): Effect.Effect<Made, CertificateFailed | Misused> =>
  Effect.gen(function* () {
    yield* withAuthority(directory)
    const wanted = names ?? namesOf(yield* read(filesOf({ directory, file: "relay" }).certificate))
    yield* accepted(refusalOfHosts(wanted))
    return yield* remake(relayOf(directory, wanted))
  })

export const renewClient = (
  directory: string,
  kind: Kind,
  name: string
): Effect.Effect<Made, CertificateFailed | Misused> =>
  Effect.gen(function* () {
    yield* accepted(refusalOfClient(name))
    yield* withAuthority(directory)
    return yield* remake(clientOf(directory, kind, name))
  })

/** Renews the authority's certificate: what it has signed stays good. The list of what is revoked is written again. */
export const renewAuthority = (directory: string): Effect.Effect<Made, CertificateFailed> =>
  Effect.gen(function* () {
    yield* withAuthority(directory)
    const made = yield* remake(authorityOf(directory))
    yield* rewriteList(directory)
    return made
  })

/** A certificate in the authority's directory. */
export interface Kept {
  readonly file: string
  readonly names: ReadonlyArray<string>
  readonly endMillis: number
  readonly isRevoked: boolean
}

/** The certificates in force and those that are revoked; what ends first comes first. */
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
