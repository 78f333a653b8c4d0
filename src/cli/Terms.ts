/** Until when the certificates are good that a command shows and trusts: told as it runs on, and by `--check`. */
import { Console, Effect, Schedule } from "effect"
import * as Term from "../config/Term.ts"
import { wallMillis } from "../Machine.ts"
import type { ClientIdentity } from "../transport/tls/Tls.ts"
import * as TlsFlags from "./TlsFlags.ts"

type IsTold = (term: Term.Term, now: number) => boolean

const isNoUse: IsTold = (term, now) => Term.isEarly(term, now) || term.end < now
const isNoUseSoon: IsTold = (term, now) => isNoUse(term, now) || Term.isNear(term, now)

/** What is over soon, or not good yet, in words. */
export const complaintsOf = (
  { ca, certificate }: ClientIdentity = {},
  isTold: IsTold = isNoUseSoon
): ReadonlyArray<string> => {
  const now = wallMillis()
  const terms = (what: string, text: string | undefined) => (text === undefined ? [] : Term.termsOf(what, text))
  const complaint = (term: Term.Term) => (Term.isEarly(term, now) ? Term.beginning(term) : Term.ending(term, now))
  const complaints = (all: ReadonlyArray<Term.Term>) => all.filter((term) => isTold(term, now)).map(complaint)
  const authorities = terms("the authority that we trust", ca)
  const told = complaints(authorities)
  // If one of several authorities is over, another may be the relay's: a system trusts many, and some are over.
  const isAny = told.length < authorities.length
  return [...complaints(terms("our certificate", certificate)), ...(isAny ? [] : told)]
}

/** For a command that ends soon. Certificates of no use are told: a peer that refuses them says less, or nothing. */
export const identityOf = (given: TlsFlags.Given) =>
  Effect.tap(TlsFlags.identityOf(given), (identity) =>
    Effect.forEach(complaintsOf(identity, isNoUse), (line) => Console.error(`Warning: ${line}`), { discard: true })
  )

/** Warns of the identity's certificates at once, and again every day. */
export const watch = (identity: () => ClientIdentity | undefined): Effect.Effect<void> =>
  Effect.suspend(() =>
    Effect.forEach(
      complaintsOf(identity()),
      (line) => Console.error(`${new Date(wallMillis()).toISOString()} Warning: ${line}`),
      { discard: true }
    )
  ).pipe(Effect.repeat(Schedule.spaced("1 day")), Effect.asVoid)
