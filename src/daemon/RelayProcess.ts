/** The relay as the daemon starts it: its layer lives as long as the daemon's scope. */
import { Context, Effect, Layer } from "effect"
import * as Relay from "../Relay.ts"
import { DaemonFailed } from "./DaemonFailed.ts"
import type { StartRelay } from "./Serve.ts"

const reasons: Record<string, string> = {
  EADDRINUSE: "Address already in use",
  EACCES: "Permission denied",
  EADDRNOTAVAIL: "Cannot assign requested address"
}

export const startRelay: StartRelay = (config) =>
  Layer.build(Relay.layer(config)).pipe(
    Effect.map((context) => Context.get(context, Relay.Relay).addresses),
    Effect.mapError(
      ({ port, code, message }) =>
        new DaemonFailed({ message: `Failed to bind ${port} socket: ${reasons[code] ?? message}` })
    )
  )
