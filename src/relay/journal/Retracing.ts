/**
 * Going through again what was carried out before the relay was killed: what was done to names since the last mark is
 * taken back, shadows stand in for the files, and in the end the files are made what the shadows are.
 */
import { Effect } from "effect"
import type { FileFailed } from "../../storage/Files.ts"
import { isIntact, materialize, ShadowFiles } from "../../storage/ShadowFiles.ts"
import type { TraceStore } from "../../storage/TraceStore.ts"
import type { Found } from "./JournalsLeft.ts"

/** Nobody else may use the store meanwhile. */
export const retraced = <A>(
  store: TraceStore["Service"],
  all: ReadonlyArray<Found>,
  work: Effect.Effect<A, FileFailed>
): Effect.Effect<A, FileFailed> => {
  const { retraceable } = store
  const shadow = new ShadowFiles(retraceable.plain, new Set(all.flatMap(({ directories }) => [...directories])))
  return Effect.gen(function* () {
    for (const { takeBack } of all) yield* takeBack
    retraceable.shadow = { files: shadow.service, covers: () => true }
    const done = yield* work
    yield* materialize(shadow, retraceable.plain)
    yield* store.pool.suspendAll
    return done
  }).pipe(
    Effect.ensuring(
      Effect.sync(() => {
        retraceable.shadow = undefined
      })
    )
  )
}

/**
 * The same for one of them, while others use the store. Undefined, after `undone`: somebody has changed the files
 * since, they stay as they are.
 */
export const retracedBeside = <A>(
  store: TraceStore["Service"],
  { directories, takeBack }: Found,
  work: Effect.Effect<A, FileFailed>,
  undone: Effect.Effect<void>
): Effect.Effect<A | undefined, FileFailed> => {
  const { retraceable } = store
  const shadow = new ShadowFiles(retraceable.plain, directories)
  return Effect.gen(function* () {
    for (const directory of directories) {
      if (!(yield* Effect.isSuccess(retraceable.plain.list(directory)))) return undefined
    }
    yield* takeBack
    retraceable.shadow = { files: shadow.service, covers: (path) => shadow.isOwn(path) }
    const done = yield* work
    if (!(yield* isIntact(shadow, retraceable.plain))) {
      yield* undone
      return undefined
    }
    yield* materialize(shadow, retraceable.plain)
    yield* store.pool.suspendAll
    return done
  }).pipe(
    Effect.tapError(() => undone),
    Effect.ensuring(
      Effect.sync(() => {
        retraceable.shadow = undefined
      })
    )
  )
}
