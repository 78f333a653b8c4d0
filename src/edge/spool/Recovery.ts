/**
 * Finds the journals that an earlier process left. Their bytes count at once. Their records are read while tracers are
 * served, of each journal before it is forwarded: nobody waits for a large spool.
 */
import { Effect, Schedule, Semaphore } from "effect"
import { report } from "../../errors/Report.ts"
import { masked } from "../../errors/Secrets.ts"
import { wallMillis } from "../../Machine.ts"
import { FormatLater } from "../../model/Format.ts"
import type { FileFailed, Files } from "../../storage/Files.ts"
import * as About from "../journal/About.ts"
import type { Journal } from "../journal/Journal.ts"
import { bytesIn, scan } from "../journal/Scan.ts"

/** Directories that are looked at at a time. */
const findCountMax = 16

/** After a failure of the disk it is tried again. */
const againWait = "10 seconds"

export interface Place {
  readonly files: Files["Service"]
  /** Absolute path. */
  readonly directory: string
  readonly isSynced: boolean
}

interface Keeper {
  readonly journal: (token: string, about: About.About) => Journal
  /** The journal is to be forwarded, once `scanned` is done. */
  readonly enter: (journal: Journal, before: Effect.Effect<void>) => void
  readonly remove: (journal: Journal) => Effect.Effect<void>
}

export const recover = ({ directory, files, isSynced }: Place, keeper: Keeper): Effect.Effect<void, FileFailed> =>
  Effect.gen(function* () {
    yield* files.makeDirectory(directory)
    const names = (yield* files.list(directory)).map(({ name }) => name)
    const all = yield* Effect.forEach(names, (name) => found(files, directory, name), { concurrency: findCountMax })
    const turn = yield* Semaphore.make(1)
    for (const { about, byteCount, token } of all
      .flat()
      .sort((a, b) => a.about.createdMillis - b.about.createdMillis)) {
      const journal = keeper.journal(token, about)
      journal.segments.expect(byteCount)
      keeper.enter(journal, scanned({ files, isSynced }, journal, turn, keeper.remove))
    }
  })

const found = (files: Files["Service"], directory: string, name: string) =>
  Effect.gen(function* () {
    const named = About.named(name)
    if (named === undefined) return []
    const { isPassed, token } = named
    const path = `${directory}/${name}`
    const { from = "", ...own } = (yield* About.read(files, path)) ?? {
      key: token,
      name: masked(token),
      createdMillis: wallMillis()
    }
    const about = isPassed ? { ...own, from } : own
    return [{ token, about, byteCount: yield* bytesIn(files, path) }]
  })

/** One after the other, the oldest first. */
const scanned = (
  { files, isSynced }: Pick<Place, "files" | "isSynced">,
  journal: Journal,
  turn: Semaphore.Semaphore,
  remove: Keeper["remove"]
): Effect.Effect<void> => {
  const once = Effect.gen(function* () {
    const { directory } = journal.home
    if (yield* About.isLater(files, directory)) return yield* new FormatLater({ path: masked(directory) })
    const isOver = yield* About.isOver(files, directory)
    const left = yield* scan(files, directory, isSynced)
    const sent = yield* About.sent(files, directory)
    for (const line of left.damage) yield* report("SPOOL_DAMAGED", line)
    // Of another edge's journal, that edge still has what is gone here, and brings it again.
    const isBehind = sent !== undefined && sent > left.last && journal.passed === undefined
    const isNothing = !isOver && !isBehind && left.last === 0
    // Known before that edge, which waits for the scan, can go on with it.
    if (isNothing && journal.passed !== undefined) journal.passed.isLeaving = true
    journal.recovered(left, isOver, sent)
    if (isOver) return
    if (isBehind) {
      yield* report(
        "SPOOL_DAMAGED",
        `${directory}: from record ${left.last + 1} on all is gone, of which some was sent`
      )
      // The relay is told that it ends, if it has something of it.
      journal.finishIfOver()
    } else if (isNothing) {
      if (left.damage.length === 0) yield* report("SPOOL_DAMAGED", `${directory}: no record is left of it`)
      yield* remove(journal)
    }
  })
  const told = Effect.tapError(turn.withPermits(1)(once), ({ message }) => report("SPOOL_UNREAD", message))
  return Effect.orDie(Effect.retry(told, Schedule.spaced(againWait)))
}
