/**
 * Watches for traces that somebody removes while they are recorded. The system lets a process write on to a file that
 * has no name any more, and so does the relay, since it could not tell the target. The operator is told.
 */
import { Effect, Schedule } from "effect"
import type { FileFailed } from "../../storage/Files.ts"
import type { Incidents } from "../Incidents.ts"

/** Each look asks the system once for each stream. */
const interval = "30 seconds"

interface Recorded {
  readonly removedFile: Effect.Effect<string | undefined, FileFailed>
}

/** Watches a session's streams. A removal is reported once, and another only after a look that found none. */
export const watchNames = (streams: ReadonlyMap<number, Recorded>, incidents: Incidents): Effect.Effect<void> => {
  let isTold = false
  const look = Effect.gen(function* () {
    let removed: string | undefined
    // If this cannot be told, the file can hardly be written, either: its next write reports that.
    for (const { removedFile } of [...streams.values()])
      removed ??= yield* Effect.orElseSucceed(removedFile, () => undefined)
    if (removed !== undefined && !isTold) yield* incidents.report("FILES_REMOVED", removed)
    isTold = removed !== undefined
  })
  return Effect.asVoid(Effect.repeat(look, Schedule.spaced(interval)))
}
