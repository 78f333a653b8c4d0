/** Until when it is good what a traced host shows and goes by: told while it runs for long, and by its `--check`. */
import { Console, Effect, Schedule } from "effect"
import * as Term from "../config/Term.ts"
import { wallMillis } from "../Machine.ts"
import type { ClientIdentity } from "../transport/tls/Tls.ts"

const complaintOf = (term: Term.Term, now: number): string | undefined => {
  if (Term.isEarly(term, now)) return Term.beginning(term)
  return Term.isNear(term, now) ? Term.ending(term, now) : undefined
}

/** What is over soon, or not good yet, in words. */
export const complaintsOf = ({ ca, certificate }: ClientIdentity = {}): ReadonlyArray<string> => {
  const now = wallMillis()
  const terms = (what: string, text: string | undefined) => (text === undefined ? [] : Term.termsOf(what, text))
  const complaints = (all: ReadonlyArray<Term.Term>) => all.flatMap((term) => complaintOf(term, now) ?? [])
  const authorities = terms("the authority that we trust", ca)
  const told = complaints(authorities)
  // Of several another one may be theirs: those of a system are ever so many, and some of them over.
  const isAny = told.length < authorities.length
  return [...complaints(terms("our certificate", certificate)), ...(isAny ? [] : told)]
}

/** At once, and every day: what it is by then. */
export const watch = (identity: () => ClientIdentity | undefined): Effect.Effect<void> =>
  Effect.suspend(() =>
    Effect.forEach(
      complaintsOf(identity()),
      (line) => Console.error(`${new Date(wallMillis()).toISOString()} Warning: ${line}`),
      { discard: true }
    )
  ).pipe(Effect.repeat(Schedule.spaced("1 day")), Effect.asVoid)
