/** The life of a connection of any kind: from the moment it counts as one it is released, wherever its fiber ends. */
import { Effect } from "effect"
import { Registry } from "../relay/Registry.ts"

interface Served {
  readonly run: Effect.Effect<void>
  /** Runs however the fiber ended. */
  readonly release: Effect.Effect<void>
}

/** `make` counts the connection. The fiber may be interrupted before its next step. */
export const served = (make: (registry: Registry["Service"]) => Served): Effect.Effect<void, never, Registry> =>
  Effect.flatMap(Registry, (registry) =>
    Effect.acquireUseRelease(
      Effect.sync(() => make(registry)),
      (connection) => connection.run,
      (connection) => connection.release
    )
  )
