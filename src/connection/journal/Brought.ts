/** The sessions that a journal has brought. */
import { Effect } from "effect"
import type { Registry } from "../../relay/Registry.ts"
import { keyOf, type Owner } from "../../relay/session/Chunks.ts"
import type { SessionActor } from "../../relay/session/SessionActor.ts"
import * as Settlement from "./Settlement.ts"

export class Brought {
  readonly #registry: Registry["Service"]
  readonly ids = new Set<number>()
  /** Those of snapshots, each of which has connections of its own. */
  readonly snapshots = new Set<number>()
  /** Sessions were brought, if only ones that have ended. */
  isAny = false
  /** Also of sessions that are over: their trace chunks may not have come to rest. */
  readonly #owners = new Map<string, Owner>()

  constructor(registry: Registry["Service"]) {
    this.#registry = registry
  }

  /** Answers the session's directory, relative to the output directory, if all of it records in one. */
  add(id: number): string | undefined {
    this.ids.add(id)
    this.isAny = true
    const identity = this.#registry.sessions.get(id)?.identity
    if (identity?.isSnapshot === true) this.snapshots.add(id)
    if (identity?.hasChunks === true) {
      const { owner } = identity
      this.#owners.set(keyOf(owner), owner)
    }
    return identity?.hasChunks === true ? identity.outputPath : undefined
  }

  /** Those that have not ended. */
  get sessions(): ReadonlyArray<SessionActor> {
    return [...this.ids].flatMap((id) => this.#registry.sessions.get(id) ?? [])
  }

  /** The connections of one are there. */
  get isAnyLive(): boolean {
    return this.sessions.some(({ isConnectionClosed }) => !isConnectionClosed)
  }

  /** No packet waits for its index, nor an index for its packet, nor a rotation for its streams. */
  get isQuiet(): boolean {
    return this.sessions.every(({ streams }) =>
      [...streams.values()].every(({ model }) => model.inFlightCount === 0 && !model.isRotating)
    )
  }

  /** Forgets sessions that have ended. */
  forgetEnded(): void {
    const { journals, sessions } = this.#registry
    for (const id of this.ids) {
      if (sessions.has(id)) continue
      this.ids.delete(id)
      this.snapshots.delete(id)
      journals.unmade(id)
    }
  }

  /** True when all that was carried out is in the files; false when something of it cannot be. */
  get settled(): Effect.Effect<boolean> {
    return Effect.suspend(() => Settlement.settled(this.#registry, this.sessions, this.#owners.values()))
  }

  /** Done when all have ended, and nothing more is done to their directories. */
  get ended(): Effect.Effect<void> {
    return Effect.suspend(() => Settlement.over(this.#registry, this.sessions, this.#owners.values()))
  }
}
