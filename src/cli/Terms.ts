/** Until when it is good what a traced host shows and goes by: told while it runs for long, and by its `--check`. */
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
  // Of several another one may be theirs: those of a system are ever so many, and some of them over.
  const isAny = told.length < authorities.length
  return [...complaints(terms("our certificate", certificate)), ...(isAny ? [] : told)]
}

/** Of a command that is over soon. What is no use is told: who refuses it says less, or nothing. */
export const identityOf = (given: TlsFlags.Given) =>
  Effect.tap(TlsFlags.identityOf(given), (identity) =>
    Effect.forEach(complaintsOf(identity, isNoUse), (line) => Console.error(`Warning: ${line}`), { discard: true })
  )

/** At once, and every day: what it is by then. */
export const watch = (identity: () => ClientIdentity | undefined): Effect.Effect<void> =>
  Effect.suspend(() =>
    Effect.forEach(
      complaintsOf(identity()),
      (line) => Console.error(`${new Date(wallMillis()).toISOString()} Warning: ${line}`),
      { discard: true }
    )
  ).pipe(Effect.repeat(Schedule.spaced("1 day")), Effect.asVoid)
