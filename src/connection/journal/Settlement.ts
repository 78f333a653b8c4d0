/** Waits for the files of a journal's sessions: until they hold what was carried out, and until they are final. */
import { Effect } from "effect"
import type { Registry } from "../../relay/Registry.ts"
import type { Owner } from "../../relay/session/Chunks.ts"
import type { SessionActor } from "../../relay/session/SessionActor.ts"

/**
 * True when all that was carried out is in the files, and on the device where files are synced: a mark follows, and the
 * edge may forget. False when something of it cannot be.
 */
export const settled = (
  { chunks }: Registry["Service"],
  sessions: ReadonlyArray<SessionActor>,
  owners: Iterable<Owner>
): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    let isWhole = true
    for (const session of sessions) {
      for (const { log } of session.streams.values()) {
        if (!(yield* Effect.isSuccess(log.synced))) isWhole = false
      }
      yield* session.completed
    }
    for (const owner of owners) yield* chunks.allSettled(owner)
    return isWhole
  })

/** Done when the sessions have ended, and nothing more is done to the directories of their owners. */
export const over = (
  { chunks }: Registry["Service"],
  sessions: ReadonlyArray<SessionActor>,
  owners: Iterable<Owner>
): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (const { ended } of sessions) yield* ended
    for (const owner of owners) yield* chunks.allSettled(owner)
  })
