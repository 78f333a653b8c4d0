/** When certificates and lists begin and end, and what is said of it. Pure; times are ms since 1970. */
import type { X509Certificate } from "node:crypto"
import { inOneLine } from "../protocol/CertificateName.ts"
import { certificatesOf } from "./Pem.ts"

export interface Term {
  readonly which: string
  readonly begin: number
  /** `Infinity`: for ever. */
  readonly end: number
}

/** An end within this time is near. */
const nearMillis = 30 * 86_400_000

export const nameOf = ({ subject }: Pick<X509Certificate, "subject">): string => inOneLine(subject)

/** The terms of the certificates in a text; throws why they are no use. */
export const termsOf = (what: string, text: string): ReadonlyArray<Term> =>
  certificatesOf(text).map(({ subject, validFrom, validTo }) => ({
    which: `${what} (${nameOf({ subject })})`,
    begin: Date.parse(validFrom),
    end: Date.parse(validTo)
  }))

export const isEarly = ({ begin }: Term, now: number): boolean => begin > now

/** Whether the term has ended, or will within 30 days. */
export const isNear = ({ end }: Term, now: number): boolean => end - now < nearMillis

export const beginning = ({ begin, which }: Term): string =>
  `${which} is not valid before ${new Date(begin).toISOString()}`

export const ending = ({ end, which }: Term, now: number): string =>
  `${which} ${end < now ? "expired" : "expires"} ${new Date(end).toISOString()}`
