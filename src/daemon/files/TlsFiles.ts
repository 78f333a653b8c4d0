/**
 * The relay's TLS identity from its files: read at the start, and again when they change or when the operator says so.
 * What cannot be used is reported, and what was read before stays in force.
 */
import type { X509Certificate } from "node:crypto"
import { statSync } from "node:fs"
import { createSecureContext } from "node:tls"
import { Effect, Schedule, type Scope } from "effect"
import type { TlsFiles } from "../../config/DaemonOptions.ts"
import { certificatesOf, matchKey, missingIssuer, rootless, whole } from "../../config/Pem.ts"
import type { Tls } from "../../config/RelayConfig.ts"
import * as Term from "../../config/Term.ts"
import * as TextFile from "../../config/TextFile.ts"
import { report } from "../../errors/Report.ts"
import * as SystemError from "../../errors/SystemError.ts"
import { wallMillis } from "../../Machine.ts"
import { listsOf } from "../../protocol/PemBlocks.ts"
import * as RevocationLists from "../../protocol/RevocationLists.ts"
import type { Relay } from "../../Relay.ts"
import { DaemonFailed } from "../DaemonFailed.ts"
import * as Refused from "./Refused.ts"
import * as Watched from "./Watched.ts"

const messageOf = (what: string, path: string, cause: unknown) =>
  `The TLS ${what} ${path} is no use: ${SystemError.reasonOf(cause)}`

/** Throws if a revocation list is no use. */
const readLists = (text: string): void => {
  const lists = listsOf(whole(text))
  if (lists.length === 0) throw new Error("there is no revocation list in it: openssl crl -in THIS -out PEM")
  createSecureContext({ crl: [...lists] })
}

/** Reads all files. Fails with the first that is no use, and why; whether it is out of date is not checked. */
export const read = (files: TlsFiles): Effect.Effect<Tls, DaemonFailed> => Refused.noted("tls", decoded(files))

const decoded = (files: TlsFiles): Effect.Effect<Tls, DaemonFailed> =>
  Effect.suspend(() => {
    let at: readonly [what: string, path: string] = ["certificate", files.certificate]
    const text = (what: string, path: string, look: (text: string) => unknown) => {
      at = [what, path]
      const found = TextFile.textOf(path)
      look(found)
      return found
    }
    try {
      const { certificate, clientCa, crl, key, ...rest } = files
      const own = text("certificate", certificate, certificatesOf)
      return Effect.succeed({
        ...rest,
        certificate: own,
        key: text("key", key, (found) => matchKey(found, own)),
        clientCa: clientCa === undefined ? undefined : text("authority", clientCa, certificatesOf),
        crl: crl === undefined ? undefined : text("revocation list", crl, readLists)
      })
    } catch (cause) {
      return Effect.fail(new DaemonFailed({ code: "START_FILE", message: messageOf(...at, cause) }))
    }
  })

/** Identifier of `TLS Web Server Authentication`, among the uses of a certificate that names any. */
const serverUse = "1.3.6.1.5.5.7.3.1"

/** Whether a certificate can sign others. Those before version 3 do not say so: then a self-signed one counts. */
const isAuthority = ({ ca, issuer, subject }: X509Certificate): boolean => ca || issuer === subject

const termsOf = (what: string, path: string, text: string) => Term.termsOf(`The TLS ${what} ${path}`, text)

/** Terms of revocation lists: one that has ended lets nobody in. */
const termsOfLists = (path: string, text: string): ReadonlyArray<Term.Term> =>
  RevocationLists.termsOf(text).map((term) => ({ which: `The TLS revocation list ${path}`, ...term }))

const beginning = (term: Term.Term, now: number): string =>
  `${Term.beginning(term)}, and it is ${new Date(now).toISOString()}`

/** For `--check`: what is wrong with the files, or will be soon. */
export const complaintsOf = (
  files: TlsFiles
): { readonly errors: ReadonlyArray<string>; readonly warnings: ReadonlyArray<string> } => {
  const errors: Array<string> = []
  const warnings: Array<string> = []
  const attempt = (what: string, path: string, look: (text: string) => void) => {
    try {
      look(TextFile.textOf(path))
    } catch (cause) {
      errors.push(messageOf(what, path, cause))
    }
  }
  /** Adds what is wrong with the dates of certificates or lists. */
  const dates = (terms: ReadonlyArray<Term.Term>) => {
    const now = wallMillis()
    for (const term of terms) {
      if (Term.isEarly(term, now)) errors.push(beginning(term, now))
      if (Term.isNear(term, now)) (term.end < now ? errors : warnings).push(Term.ending(term, now))
    }
  }
  let chain: ReadonlyArray<X509Certificate> = []
  attempt("certificate", files.certificate, (text) => {
    chain = certificatesOf(text)
    dates(termsOf("certificate", files.certificate, text))
    const uses = chain[0]?.keyUsage
    if (uses !== undefined && !uses.includes(serverUse)) {
      warnings.push(`The TLS certificate ${files.certificate} is not for a server: clients refuse it`)
    }
    attempt("key", files.key, (key) => {
      matchKey(key, text)
      if ((statSync(files.key).mode & 0o004) !== 0) warnings.push(`The TLS key ${files.key} can be read by everybody`)
    })
  })
  const { clientCa, crl } = files
  let authorities: ReadonlyArray<X509Certificate> = []
  if (clientCa !== undefined) {
    attempt("authority", clientCa, (text) => {
      dates(termsOf("authority", clientCa, text))
      authorities = certificatesOf(text)
      for (const one of authorities.filter((certificate) => !isAuthority(certificate))) {
        warnings.push(`The TLS authority ${clientCa} (${Term.nameOf(one)}) is none: it can sign no certificate`)
      }
      for (const one of rootless(authorities.filter(isAuthority))) {
        const issuer = Term.nameOf({ subject: one.issuer })
        warnings.push(
          `The TLS authority ${clientCa} (${Term.nameOf(one)}) comes without its issuer (${issuer}): nobody is let in by it`
        )
      }
    })
  }
  if (errors.length === 0) {
    const missing = missingIssuer(chain, authorities)
    if (missing !== undefined) {
      const issuer = Term.nameOf({ subject: missing })
      warnings.push(
        `The TLS certificate ${files.certificate} comes without its issuer (${issuer}): clients that do not have it refuse it`
      )
    }
  }
  if (crl !== undefined) {
    attempt("revocation list", crl, (text) => {
      readLists(text)
      dates(termsOfLists(crl, text))
      for (const one of RevocationLists.unlisted(text, authorities)) {
        warnings.push(
          `The TLS revocation list ${crl} has none of ${Term.nameOf(one)}, whose certificates nobody lets in then`
        )
      }
      for (const one of RevocationLists.confused(text, authorities)) {
        warnings.push(
          `The TLS revocation list ${crl} does not say whose it is of the authorities called ${Term.nameOf(one)}, ` +
            "and may be taken for another's: make it with authorityKeyIdentifier among its crl_extensions"
        )
      }
    })
  }
  return { errors, warnings }
}

const warnOfTerms = (files: TlsFiles, { certificate, clientCa, crl }: Tls): Effect.Effect<void> =>
  Effect.suspend(() => {
    const now = wallMillis()
    const terms = [
      ...termsOf("certificate", files.certificate, certificate),
      ...(clientCa === undefined ? [] : termsOf("authority", files.clientCa ?? "", clientCa)),
      ...(crl === undefined ? [] : termsOfLists(files.crl ?? "", crl))
    ]
    const lines = [
      ...terms.filter((term) => Term.isEarly(term, now)).map((term) => report("TLS_EARLY", beginning(term, now))),
      ...terms.filter((term) => Term.isNear(term, now)).map((term) => report("TLS_EXPIRY", Term.ending(term, now)))
    ]
    return Effect.all(lines, { discard: true })
  })

/** Reads the files, for new connections; if they are no use, reports that and keeps the identity in force. */
const reload = (files: TlsFiles, relay: Relay["Service"]): Effect.Effect<void> =>
  read(files).pipe(
    Effect.tap((identity) => relay.replaceTls(identity)),
    Effect.tap((identity) => warnOfTerms(files, identity)),
    Effect.andThen(Effect.logInfo("TLS certificate read again")),
    Effect.catch(({ message }) => report("TLS_IDENTITY", message))
  )

/** Warns now and every day of terms that are near and files that are no use, with which the relay could not restart. */
const warnDaily = (files: TlsFiles): Effect.Effect<void> =>
  Effect.flatMap(read(files), (identity) => warnOfTerms(files, identity)).pipe(
    Effect.catch(({ message }) => report("TLS_IDENTITY", message)),
    Effect.repeat(Schedule.spaced("1 day")),
    Effect.asVoid
  )

/** Reads the files again whenever they change, as long as the scope is open. */
export const watch = (files: TlsFiles, relay: Relay["Service"]): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    yield* Effect.forkScoped(warnDaily(files))
    const { certificate, clientCa, crl, key } = files
    const paths = [certificate, key, clientCa, crl].filter((path) => path !== undefined)
    yield* Watched.files(paths, reload(files, relay))
  })
