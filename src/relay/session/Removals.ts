/**
 * A trace that is taken away while it is recorded. The system lets whoever has a file open write on, into nothing, and
 * so do we: the target could not be told. The operator is.
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
    // A file that cannot be asked for can hardly be written: its next write reports that.
    for (const { removedFile } of [...streams.values()])
      removed ??= yield* Effect.orElseSucceed(removedFile, () => undefined)
    if (removed !== undefined && !isTold) yield* incidents.report("FILES_REMOVED", removed)
    isTold = removed !== undefined
  })
  return Effect.asVoid(Effect.repeat(look, Schedule.spaced(interval)))
}
