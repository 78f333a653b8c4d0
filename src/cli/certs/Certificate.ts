/** An existing certificate: what it says, and until when. */
import type { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import { Effect } from "effect"
import * as Pem from "../../config/Pem.ts"
import { wallMillis } from "../../Machine.ts"
import { attempt, type CertificateFailed } from "./OpenSsl.ts"

export const read = (path: string): Effect.Effect<X509Certificate, CertificateFailed> =>
  attempt(path, () => Pem.certificatesOf(readFileSync(path, "utf8"))[0] as X509Certificate)

/** When the certificate ends, in ms since the epoch. */
export const endOf = (path: string): Effect.Effect<number, CertificateFailed> =>
  Effect.map(read(path), ({ validTo }) => Date.parse(validTo))

export const dayMillis = 86_400_000

/** Whole days until `endMillis`, in ms since the epoch; below 0: it is over. */
export const daysUntil = (endMillis: number): number => Math.floor((endMillis - wallMillis()) / dayMillis)

/** A relay's names and addresses, as `init` takes them; or the URI that says what a client is. */
export const namesOf = ({ subjectAltName = "" }: X509Certificate): ReadonlyArray<string> =>
  subjectAltName
    .split(", ")
    .filter((name) => name !== "")
    .map((name) => name.replace(/^(DNS|IP Address|URI):/, ""))
