/**
 * Going through again what was carried out before the relay was killed: what was done to names since the last mark is
 * taken back, shadows stand in for the files, and in the end the files are made what the shadows are.
 */
import { Effect } from "effect"
import type { FileFailed } from "../../storage/Files.ts"
import type { Shadow } from "../../storage/Retraceable.ts"
import { isIntact, materialize, ShadowFiles } from "../../storage/ShadowFiles.ts"
import type { TraceStore } from "../../storage/TraceStore.ts"
import type { Found } from "./JournalsLeft.ts"

type Store = TraceStore["Service"]

/** Shadows stand in for the files that are covered while `work` goes on. */
const under = <A, E>({ retraceable }: Store, shadow: Shadow, work: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      retraceable.shadow = shadow
    }),
    () => work,
    () =>
      Effect.sync(() => {
        retraceable.shadow = undefined
      })
  )

const made = ({ pool, retraceable }: Store, shadow: ShadowFiles): Effect.Effect<void, FileFailed> =>
  Effect.andThen(materialize(shadow, retraceable.plain), pool.suspendAll)

/** Nobody else may use the store meanwhile. */
export const retraced = <A>(
  store: Store,
  all: ReadonlyArray<Found>,
  work: Effect.Effect<A, FileFailed>
): Effect.Effect<A, FileFailed> => {
  const shadow = new ShadowFiles(store.retraceable.plain, new Set(all.flatMap(({ directories }) => [...directories])))
  const covers = () => true
  return Effect.andThen(
    Effect.forEach(all, ({ takeBack }) => takeBack, { discard: true }),
    under(
      store,
      { files: shadow.service, covers },
      Effect.tap(work, () => made(store, shadow))
    )
  )
}

/**
 * The same for one of them, while others use the store. Undefined, after `undone`: somebody has changed the files
 * since, they stay as they are.
 */
export const retracedBeside = <A>(
  store: Store,
  { directories, takeBack }: Found,
  work: Effect.Effect<A, FileFailed>,
  undone: Effect.Effect<void>
): Effect.Effect<A | undefined, FileFailed> => {
  const { plain } = store.retraceable
  const shadow = new ShadowFiles(plain, directories)
  const covers = (path: string) => shadow.isOwn(path)
  const redone = Effect.gen(function* () {
    const done = yield* work
    if (yield* isIntact(shadow, plain)) return yield* Effect.as(made(store, shadow), done)
    yield* undone
    return undefined
  })
  return Effect.gen(function* () {
    for (const directory of directories) if (!(yield* Effect.isSuccess(plain.list(directory)))) return undefined
    yield* takeBack
    return yield* under(
      store,
      { files: shadow.service, covers },
      Effect.tapError(redone, () => undone)
    )
  })
}
