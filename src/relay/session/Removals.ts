/**
 * Watches for traces that somebody removes while they are recorded. The system lets a process write on to a file that
 * has no name any more, and so does the relay, since it could not tell the target. The operator is told.
 */
import { Effect, type Scope } from "effect"
import { clearInterval, setInterval } from "../../Machine.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { Incidents } from "../Incidents.ts"

/** Each look asks the system once for each stream. */
const intervalMillis = 30_000

interface Recorded {
  readonly removedFile: Effect.Effect<string | undefined, FileFailed>
}

/**
 * Watches a session's streams until the scope closes. A removal is reported once, and another only after a look that
 * found none. Each look is a fiber, started by `run`: between them there is only a timer.
 */
export const watchNames = (
  streams: ReadonlyMap<number, Recorded>,
  incidents: Incidents,
  run: (look: Effect.Effect<void>) => void
): Effect.Effect<void, never, Scope.Scope> => {
  let isTold = false
  let isLooking = false
  const look = Effect.gen(function* () {
    let removed: string | undefined
    // If this cannot be told, the file can hardly be written, either: its next write reports that.
    for (const { removedFile } of [...streams.values()])
      removed ??= yield* Effect.orElseSucceed(removedFile, () => undefined)
    if (removed !== undefined && !isTold) yield* incidents.report("FILES_REMOVED", removed)
    isTold = removed !== undefined
    isLooking = false
  })
  const due = () => {
    if (isLooking) return
    isLooking = true
    run(look)
  }
  const begun = Effect.sync(() => setInterval(due, intervalMillis))
  return Effect.asVoid(Effect.acquireRelease(begun, (timer) => Effect.sync(() => clearInterval(timer))))
}
