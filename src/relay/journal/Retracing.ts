/**
 * The frame around repeating a journal's history after a crash: renames since the last mark are undone, the history is
 * carried out on shadows (`storage/ShadowFiles`), and then the real files are made to agree with the shadows.
 */
import { basename, dirname } from "node:path"
import { type Cause, Effect, Result, Schema } from "effect"
import type { Code } from "../../errors/Catalogue.ts"
import type { Incident } from "../../errors/Report.ts"
import { archivePath } from "../../model/TraceChunk.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { Shadow } from "../../storage/Retraceable.ts"
import { lackingOf, materialize, ShadowFiles } from "../../storage/ShadowFiles.ts"
import type { TraceStore } from "../../storage/TraceStore.ts"
import { isThere } from "../../storage/Walks.ts"
import { directoryOf, pathsOf } from "./JournalFiles.ts"
import type { Found } from "./JournalsLeft.ts"
import { type Current, refound } from "./Refound.ts"
import * as Rested from "./Rested.ts"

type Store = TraceStore["Service"]

/** While `work` runs, shadows stand in for the files that they cover. */
const under = <A, E>({ retraceable }: Store, shadow: Shadow, work: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => void retraceable.shadows.add(shadow)),
    () => work,
    () => Effect.sync(() => void retraceable.shadows.delete(shadow))
  )

/**
 * Trace chunks that were put away, and snapshots that are closed, are others' to take: one that is not there any more
 * is not made anew, of zeros.
 */
const withoutTaken = (
  store: Store,
  shadow: ShadowFiles,
  { directories, places, token }: Found
): Effect.Effect<void> => {
  const { retraceable } = store
  const isArchived = (path: string) =>
    basename(dirname(path)) === archivePath && directories.has(dirname(dirname(path)))
  const named = new Set([...places].map((at) => directoryOf(store, at)).filter((path) => !directories.has(path)))
  const isClosed = (path: string) => named.has(path) && !retraceable.own.has(path, token)
  return Effect.forEach(
    [...shadow.directories].filter((path) => isArchived(path) || isClosed(path)),
    (chunk) => Effect.map(isThere(retraceable.plain, chunk), (is) => is || shadow.forget(chunk)),
    { discard: true }
  )
}

const made = (
  { pool, retraceable }: Store,
  shadow: ShadowFiles,
  { isSynced }: Found
): Effect.Effect<void, FileFailed> =>
  Effect.gen(function* () {
    for (const blank of yield* materialize(shadow, retraceable.plain, isSynced)) retraceable.blanks.add(blank)
    yield* pool.suspendShadows
  })

/** Which of the directories are gone. To be asked before renames are undone, since that may make directories anew. */
const goneOf = ({ retraceable }: Store, directories: ReadonlySet<string>): Effect.Effect<ReadonlySet<string>> =>
  Effect.map(
    Effect.filter(directories, (directory) => Effect.map(isThere(retraceable.plain, directory), (is) => !is)),
    (gone) => new Set(gone)
  )

/** A journal of which a directory with files is gone: somebody else than the relay has removed it. */
export interface Bereft<A> {
  readonly directory: string
  readonly retraced: A
}

/** Its history leads to files beyond the directories that it names: it is not what a relay has written. */
export class HistoryAstray extends Schema.TaggedError<HistoryAstray>()("HistoryAstray", { path: Schema.String }) {
  override get message(): string {
    return `${this.path} is not its own`
  }
}

/** What a power cut has left further on than the last mark. */
export interface SetBack<A> {
  /** The trace chunks that its sessions were recording in. */
  readonly currentOf: (retraced: A) => ReadonlyArray<Current>
  /** What lay in the directory of a session without a note is in `beside` now. */
  readonly setAside: (retraced: A, beside: string) => Effect.Effect<void>
}

const setBack = <A>(
  { retraceable }: Store,
  shadow: ShadowFiles,
  retraced: A,
  { currentOf, setAside }: SetBack<A>
): Effect.Effect<void, FileFailed> =>
  Effect.forEach(
    currentOf(retraced),
    (current) =>
      Effect.flatMap(refound(retraceable.plain, shadow, current), (beside) =>
        beside === undefined ? Effect.void : setAside(retraced, beside)
      ),
    { discard: true }
  )

export interface Steps<A> extends SetBack<A> {
  readonly work: (found: Found) => Effect.Effect<A, FileFailed>
  readonly bereft: (found: Found, of: Bereft<A>) => Effect.Effect<void>
  /** Its files are as they were at the last mark. */
  readonly goesOn: (retraced: A, found: Found) => Effect.Effect<void>
  /** It could not be repeated. Some of its files may already have been set back to the last mark. */
  readonly failed: (found: Found, cause: Cause.Cause<FileFailed | HistoryAstray>) => Effect.Effect<void>
}

/**
 * Repeats them, one after the other; nobody else may use the store meanwhile. Of those that `bereft` is called with no
 * file is made anew. One that fails, or has a defect, harms none of the others.
 *
 * A relay that is stopped meanwhile leaves those in `left` that it has not come to, and no other: a session of which
 * the half is repeated would end in the real files, with nothing to tell the next relay.
 */
export const retraced = <A>(
  store: Store,
  left: Set<Found>,
  { bereft, failed, goesOn, work, ...back }: Steps<A>
): Effect.Effect<void> => {
  const redone = Effect.fnUntraced(function* (found: Found, gone: ReadonlySet<string>, shadow: ShadowFiles) {
    yield* found.takeBack
    const retraced = yield* work(found)
    const directory = [...found.directories].find((each) => gone.has(each) && shadow.hasFiles(each))
    if (directory !== undefined) return yield* Effect.as(bereft(found, { directory, retraced }), undefined)
    const stray = shadow.stray
    if (stray !== undefined) return yield* new HistoryAstray({ path: stray })
    yield* withoutTaken(store, shadow, found)
    yield* setBack(store, shadow, retraced, back)
    yield* made(store, shadow, found)
    return { retraced }
  })
  const one = Effect.fnUntraced(function* (found: Found, gone: ReadonlySet<string>) {
    const shadow = new ShadowFiles(store.retraceable.plain, found.directories)
    const done = Effect.catchCause(redone(found, gone, shadow), (cause) => Effect.as(failed(found, cause), undefined))
    const kept = yield* under(store, { files: shadow.service, covers: () => true }, done)
    if (kept !== undefined) yield* goesOn(kept.retraced, found)
  })
  return Effect.gen(function* () {
    const all = [...left]
    const gone = yield* goneOf(store, new Set(all.flatMap(({ directories }) => [...directories])))
    for (const found of all) {
      const begun = Effect.sync(() => left.delete(found))
      yield* Effect.uninterruptible(Effect.andThen(begun, one(found, gone)))
    }
  })
}

/**
 * Repeats one of them, which has expired, or had to wait when the relay began, while others use the store. Why not,
 * after `undone`: somebody has changed the files of one that had expired, and they were left as they are. Of one that
 * waits they are what the relay before has left, as of those that are repeated at the start.
 */
export const retracedBeside = <A>(
  store: Store,
  found: Found,
  work: Effect.Effect<A, FileFailed>,
  undone: Effect.Effect<void>,
  back: SetBack<A>
): Effect.Effect<Result.Result<A, Incident>, FileFailed> => {
  const { directories, takeBack, token } = found
  const { own, plain } = store.retraceable
  const shadow = new ShadowFiles(plain, directories)
  const covers = (path: string) => shadow.isOwn(path) && !own.isOfOthers(path, token)
  const redone = Effect.fnUntraced(function* (gone: ReadonlySet<string>, isAsLeft: boolean, hasExpired: boolean) {
    const done = yield* work
    // A directory without files may have been removed with its session.
    const bereft = [...gone].find((directory) => shadow.hasFiles(directory))
    yield* withoutTaken(store, shadow, found)
    const lacking = bereft ?? (hasExpired && !isAsLeft ? yield* lackingOf(shadow, plain) : undefined)
    const { stray } = shadow
    const not = (code: Code, detail: string) => Effect.as(undone, Result.fail({ code, detail }))
    if (stray !== undefined) return yield* not("JOURNAL_UNMARKED", new HistoryAstray({ path: stray }).message)
    if (lacking !== undefined && !isAsLeft) return yield* not("JOURNAL_CHANGED", `${lacking} is gone, or shorter`)
    if (!hasExpired) yield* setBack(store, shadow, done, back)
    return yield* Effect.as(made(store, shadow, found), Result.succeed(done))
  })
  return Effect.gen(function* () {
    const gone = yield* goneOf(store, directories)
    const hasExpired = yield* Effect.isSuccess(plain.size(pathsOf(store, token).expired))
    const isAsLeft = yield* Rested.isAsNoted(store, token, directories)
    yield* takeBack
    return yield* under(
      store,
      { files: shadow.service, covers },
      Effect.onError(redone(gone, isAsLeft, hasExpired), () => undone)
    )
  })
}
