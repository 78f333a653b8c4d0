/** Watches files that operators and their tools replace while the daemon runs. */
import { unwatchFile, watchFile } from "node:fs"
import { Effect, Queue, type Scope } from "effect"

const watchMillis = 2000

/** Pause after a change: files that are written in steps, or one after the other, are read once, when whole. */
const settleMillis = 500

/** Runs `act` whenever one of the files has changed, as long as the scope is open. */
export const files = (paths: Iterable<string>, act: Effect.Effect<void>): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const changes = yield* Queue.sliding<void>(1)
    const onChange = () => Queue.offerUnsafe(changes, undefined)
    const watched = new Set(paths)
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        for (const path of watched) watchFile(path, { interval: watchMillis, persistent: false }, onChange)
      }),
      () =>
        Effect.sync(() => {
          for (const path of watched) unwatchFile(path, onChange)
        })
    )
    const step = Queue.take(changes).pipe(Effect.andThen(Effect.sleep(settleMillis)), Effect.andThen(act))
    yield* Effect.forkScoped(Effect.forever(step))
  })
