/** Certificates that are replaced while a command runs for longer than they are good. */
import { Effect } from "effect"
import { clockMillis } from "../Machine.ts"
import type { ClientIdentity } from "../transport/tls/Tls.ts"
import { type Given, identityOf } from "./TlsFlags.ts"

/** Files are read again at most this often: a burst of connections reads them once. */
const rereadMillis = 1000

/** The identity as the files are at each call. Files that cannot be read, or do not match yet, change nothing. */
export const following = (given: Given, first: ClientIdentity | undefined): (() => ClientIdentity | undefined) => {
  let current = first
  let readAtMillis = clockMillis()
  return () => {
    if (clockMillis() - readAtMillis < rereadMillis) return current
    readAtMillis = clockMillis()
    current = Effect.runSync(Effect.orElseSucceed(identityOf(given), () => current))
    return current
  }
}
