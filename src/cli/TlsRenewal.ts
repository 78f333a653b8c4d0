/** Certificates that are replaced while a command runs for longer than they are good. */
import { createSecureContext } from "node:tls"
import { Effect } from "effect"
import { clockMillis } from "../Machine.ts"
import type { ClientIdentity } from "../transport/Tls.ts"
import { type Given, identityOf } from "./TlsFlags.ts"

/** New files are seen so soon; a burst of connections reads them once. */
const rereadMillis = 1000

/** As the files are when it is asked. What cannot be read, or does not fit together yet, changes nothing. */
export const following = (given: Given, first: ClientIdentity | undefined): (() => ClientIdentity | undefined) => {
  let current = first
  let readAtMillis = clockMillis()
  return () => {
    if (clockMillis() - readAtMillis < rereadMillis) return current
    readAtMillis = clockMillis()
    current = Effect.runSync(
      Effect.flatMap(identityOf(given), (identity) =>
        identity === undefined ? Effect.succeed(identity) : usable(identity)
      ).pipe(Effect.orElseSucceed(() => current))
    )
    return current
  }
}

const usable = (identity: ClientIdentity): Effect.Effect<ClientIdentity, unknown> =>
  Effect.try(() => {
    const { ca, certificate, key } = identity
    createSecureContext({
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { cert: certificate, key: key ?? certificate })
    })
    return identity
  })
