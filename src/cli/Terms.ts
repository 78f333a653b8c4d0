/** Until when it is good what a traced host shows and goes by: told while it runs for long, and by its `--check`. */
import { Console, Effect, Schedule } from "effect"
import { certificatesOf } from "../config/Pem.ts"
import { wallMillis } from "../Machine.ts"
import type { ClientIdentity } from "../transport/tls/Tls.ts"

/** As early as a relay tells of its own. */
const warnedMillis = 30 * 86_400_000

const timeOf = (text: string): string => new Date(Date.parse(text)).toISOString()

/** What is over soon, or not good yet, in words. */
export const complaintsOf = ({ ca, certificate }: ClientIdentity = {}): ReadonlyArray<string> => {
  const now = wallMillis()
  const of = (what: string, text: string | undefined) =>
    (text === undefined ? [] : certificatesOf(text)).flatMap(({ subject, validFrom, validTo }) => {
      const which = `${what} (${subject?.replaceAll("\n", ", ")})`
      if (Date.parse(validFrom) > now) return `${which} is not valid before ${timeOf(validFrom)}`
      const end = Date.parse(validTo)
      return end - now < warnedMillis ? `${which} ${end < now ? "expired" : "expires"} ${timeOf(validTo)}` : []
    })
  const authorities = of("the authority that we trust", ca)
  // Of several another one may be theirs: those of a system are ever so many, and some of them over.
  const isAny = ca !== undefined && authorities.length < certificatesOf(ca).length
  return [...of("our certificate", certificate), ...(isAny ? [] : authorities)]
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
