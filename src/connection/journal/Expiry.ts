/**
 * What becomes of a journal whose edge did not come back within `--suspend`: its sessions end, and its history stays on
 * disk. If the edge comes later, the journal is restored from that history as after a crash (`Replay`), while the relay
 * serves others; but only if the files are as they were left.
 */
import { Cause, Effect, Result } from "effect"
import { clockMillis, wallMillisOf } from "../../Machine.ts"
import { isSynced } from "../../model/Sync.ts"
import * as Away from "../../relay/journal/Away.ts"
import * as JournalFiles from "../../relay/journal/JournalFiles.ts"
import * as JournalsLeft from "../../relay/journal/JournalsLeft.ts"
import * as Rested from "../../relay/journal/Rested.ts"
import { retracedBeside } from "../../relay/journal/Retracing.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { Serves } from "../control/Command.ts"
import { setBackOf } from "./Current.ts"
import { HostedJournal } from "./HostedJournal.ts"
import { leftOf, optionsOf, remove } from "./Hosting.ts"
import { Lacking } from "./Lacking.ts"
import { replayed } from "./Replay.ts"

type Registered = Registry["Service"]

/** If the disk is full, it is tried again after this, and the part of its time that each relay gives it. */
const fullWait = "1 second"

/** For the next relay it is noted that an edge is away, after this part of the time that it has, or after an hour. */
const noteParts = 8
const noteMillisMax = 3_600_000

/** How long what came last may take to be in the files; its edge waits meanwhile. */
const settledWait = "100 millis"

/** False: its edge is there again. */
const isGone = (journal: HostedJournal, since: number | undefined) =>
  journal.peer === undefined && journal.suspendedAt === since && !journal.isEnding

/** Its history can be repeated after its sessions have ended. Sessions of old peers have no directory of their own. */
const isKept = ({ marking, sessions }: HostedJournal) =>
  marking.history !== undefined && sessions.every(({ identity }) => identity.hasChunks)

/** Ends its sessions, and keeps its history. */
export const rest = (journal: HostedJournal): Effect.Effect<void> =>
  Effect.gen(function* () {
    journal.stop()
    yield* journal.marking.over.await
    yield* journal.brought.ended
    const { history } = journal.marking
    if (history !== undefined) yield* history.close
  })

/** Nobody else has changed the files that its streams write to. */
const isUntouched = ({ sessions, untouched }: HostedJournal, since: number | undefined): Effect.Effect<boolean> =>
  since === undefined
    ? Effect.succeed(false)
    : Effect.map(untouched.changes(sessions, since), (changes) => changes.every(({ isHarmless }) => isHarmless))

/** Its files are not as they were at the last mark: it went on since. */
const isBehind = ({ marking, received }: HostedJournal): boolean => received !== marking.durable

/** What its files are now. Undefined: they are those of the last mark, or not all of what came is in them. */
const digestBehind = ({ store }: Registered, journal: HostedJournal): Effect.Effect<string | undefined> =>
  Effect.gen(function* () {
    const { history } = journal.marking
    const isMeant = isBehind(journal) && history !== undefined && (yield* journal.brought.settled)
    return isMeant ? yield* Rested.digestOf(store, history.directories) : undefined
  }).pipe(Effect.orElseSucceed(() => undefined))

/** It is forgotten, since too many have expired. Its edge may have come at the last moment, and begun it anew. */
const removeUnlessBack = (registry: Registered, token: string): Effect.Effect<void> => {
  const { journals, store } = registry
  const work = Effect.suspend(() => {
    const back = journals.open.get(token) as HostedJournal | undefined
    return back === undefined || back.isBeginning ? remove(registry, token) : JournalFiles.revive(store, token)
  })
  return journals.turns.of(token, work)
}

/** What was seen of its files while its edge was away. */
interface Seen {
  /** What came last still waited for its disk. */
  readonly isUnsettled: boolean
  /** What its files were. */
  readonly digest: string | undefined
}

/** Whether the relay alone has changed its files since the last mark. Where they were not settled nobody can tell. */
const isOursAlone = (
  registry: Registered,
  journal: HostedJournal,
  since: number | undefined,
  { digest, isUnsettled }: Seen
): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    if (isUnsettled) return true
    const isSame = digest !== undefined && digest === (yield* digestBehind(registry, journal))
    return isSame && (yield* isUntouched(journal, since))
  })

const expire = (
  registry: Registered,
  journal: HostedJournal,
  since: number | undefined,
  seen: Seen
): Effect.Effect<void> => {
  const work = Effect.gen(function* () {
    const { incidents, journals, options, store } = registry
    const { token } = journal
    if (!isGone(journal, since)) return
    yield* incidents.report("JOURNAL_EXPIRED", journal.edgeName)
    // Written first: if the relay is killed meanwhile, the next one has no session that nobody waits for.
    const say = JournalFiles.say(store, token, "expired", isSynced(options.sync))
    const said = isKept(journal) ? yield* Effect.result(say) : undefined
    // Otherwise what others did would count as ours.
    const mayNote = isBehind(journal) && (yield* isOursAlone(registry, journal, since, seen))
    if (!isGone(journal, since)) return yield* JournalFiles.revive(store, token)
    // It stays suspended, as everything waits for a full disk.
    if (said !== undefined && Result.isFailure(said) && store.roomWait.isMendable(said.failure)) {
      return registry.background(Effect.delay(waits(registry, journal, options.suspendMillis), fullWait))
    }
    if (said === undefined || Result.isFailure(said)) return journal.end()
    if (!mayNote) yield* Away.forget(store, token)
    journals.close(journal)
    const forgotten = journals.expire(token, journal.standing.owner)
    yield* rest(journal)
    const { history } = journal.marking
    if (mayNote && history !== undefined) {
      yield* Effect.ignore(Rested.note(store, token, history.directories))
    }
    journal.lacking?.rest()
    for (const oldest of forgotten) registry.background(removeUnlessBack(registry, oldest))
  })
  return registry.journals.turns.of(journal.token, work)
}

/**
 * Waits for the edge, and lets the journal rest when it does not come in time. Of `awayMillis`, for which it was away
 * from earlier relays, nobody knows whether these were there: a part of the time is given to it again.
 */
const waits = (registry: Registered, journal: HostedJournal, awayMillis?: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { journals, options, store } = registry
    const { token } = journal
    const since = journal.suspendedAt
    const begun = clockMillis()
    const noteMillis = Math.min(noteMillisMax, options.suspendMillis / noteParts)
    let isNoted = awayMillis !== undefined
    let seen: Seen = { isUnsettled: true, digest: undefined }
    const wait = Effect.gen(function* () {
      yield* Effect.sleep(noteMillis)
      // A disk that hangs holds up nothing. It may take so long that the edge is back.
      const looked = Effect.map(digestBehind(registry, journal), (digest) => {
        seen = { isUnsettled: false, digest }
      })
      const look = Effect.suspend(() => (isGone(journal, since) ? looked : Effect.void))
      const { background } = registry
      background(Effect.andThen(journal.brought.settled, journals.looks.inTurn(background, look)))
      if (!isNoted) {
        isNoted = true
        const note = Effect.ignore(
          Away.note(store, token, { sinceMillis: wallMillisOf(begun), received: journal.received })
        )
        registry.background(
          Effect.andThen(
            note,
            Effect.suspend(() => (isGone(journal, since) ? Effect.void : Away.forget(store, token)))
          )
        )
      }
      yield* Effect.sleep(Math.max(0, options.suspendMillis - noteMillis - (awayMillis ?? 0)))
      return "over" as const
    })
    // Not to the end of a week: a link may be lost every second, and who waits holds all of the journal.
    const end = yield* Effect.raceAllFirst([
      wait,
      Effect.as(journals.stopping, "stopping" as const),
      Effect.as(journal.unawaited, "unawaited" as const)
    ])
    if (end === "over") yield* expire(registry, journal, since, seen)
    // If it could not expire, it is away as before.
    const isLeft = end === "stopping" || (end === "over" && isGone(journal, since))
    if (isNoted && !isLeft) yield* Away.forget(store, token)
  }).pipe(
    Effect.catchCause((cause) =>
      Effect.map(registry.incidents.report("JOURNAL_UNMARKED", undefined, cause), () => journal.end())
    )
  )

/** Its edge is gone, for `awayMillis` already. */
export const suspended = (registry: Registered, journal: HostedJournal, awayMillis?: number): Effect.Effect<void> => {
  const since = journal.suspendedAt
  const noted = Effect.flatMap(journal.brought.settled, (isWhole) =>
    isWhole ? journal.untouched.note(journal.sessions, since, () => isGone(journal, since)) : Effect.void
  )
  return Effect.suspend(() => {
    registry.background(noted)
    return Effect.andThen(
      registry.incidents.report("JOURNAL_SUSPENDED", journal.edgeName),
      waits(registry, journal, awayMillis)
    )
  })
}

/** If its files have changed, it ends, and they are left as they are. */
const compared = (registry: Registered, journal: HostedJournal, since: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    const settled = yield* Effect.timeoutOption(journal.brought.settled, settledWait)
    // Files that still wait for their disk have not grown.
    if (settled._tag === "None" || !settled.value || !isGone(journal, since)) return
    const changes = yield* journal.untouched.changes(journal.sessions, since)
    const worst = changes.find(({ isHarmless }) => !isHarmless) ?? changes[0]
    if (worst === undefined || !isGone(journal, since)) return
    yield* registry.incidents.report("JOURNAL_CHANGED", `${journal.edgeName}: ${worst.shown}`)
    if (!worst.isHarmless) journal.end()
  })

/** Its edge is back. If it is ending, that is waited for: its history is removed before a new one begins. */
export const lookedAt = (registry: Registered, journal: HostedJournal): Effect.Effect<void> =>
  Effect.gen(function* () {
    const since = journal.suspendedAt
    if (since !== undefined) yield* compared(registry, journal, since)
    if (journal.isLeaving) yield* Effect.raceFirst(journal.over, registry.journals.stopping)
  })

/** It cannot be gone on with as things are, and may be later: when there is room, or by the version that wrote it. */
export const isForNow = ({ store }: Registered, failure: JournalsLeft.Unfound): boolean =>
  failure._tag === "FormatLater" || store.roomWait.isMendable(failure)

/** It cannot be gone through again, and could not later: its sessions have ended where they were. */
export const broken = (
  registry: Registered,
  { about, token }: JournalsLeft.Found,
  cause: Cause.Cause<unknown>
): Effect.Effect<void> => {
  const { incidents, store } = registry
  const detail = `${about.edgeName}: ${JournalFiles.pathsOf(store, token).history} cannot be gone through again`
  return Effect.andThen(incidents.report("JOURNAL_UNMARKED", detail, cause), remove(registry, token))
}

/** `goesOn`: nobody else gets its directories before it is open. */
const restoredBeside = (
  registry: Registered,
  serves: Serves,
  found: JournalsLeft.Found,
  goesOn: (journal: HostedJournal) => Effect.Effect<void, JournalsLeft.Unfound>
) =>
  Effect.suspend(() => {
    const journal = new HostedJournal(optionsOf(registry, serves, found))
    const work = registry.journals.replays.withPermits(1)(Effect.as(replayed(journal, found), journal))
    const retraced = retracedBeside(registry.store, found, work, rest(journal), setBackOf(registry))
    const restored = Effect.tap(
      Effect.tapError(retraced, () => found.close),
      (done) => (Result.isSuccess(done) ? goesOn(journal) : Effect.void)
    )
    return Effect.flatMap(registry.directories.keeping(found.places, restored), (done) => {
      if (done !== undefined && Result.isSuccess(done)) return Effect.succeed(done.success)
      const { code, detail } =
        done?.failure ?? ({ code: "JOURNAL_CHANGED", detail: "another session records there" } as const)
      const { edgeName } = journal
      return Effect.as(registry.incidents.report(code, `${edgeName}: ${detail}`), undefined)
    })
  }).pipe(Effect.catchDefect((defect) => Effect.as(broken(registry, found, Cause.die(defect)), undefined)))

/** Restores an expired journal: it is suspended then, or unknown if its files have changed. */
export const awaken = (
  registry: Registered,
  serves: Serves,
  token: string
): Effect.Effect<void, JournalsLeft.Unfound> => {
  const work = Effect.gen(function* () {
    const { journals, options, store } = registry
    if (!journals.isExpired(token)) return
    const { counts, reviving } = journals
    if (counts.openCount + reviving.size >= options.journalCountMax) return yield* JournalsLeft.shortage(store, token)
    reviving.add(token)
    const found = yield* Effect.catchIf(
      JournalsLeft.find(store, token, leftOf(registry)),
      (failure) => failure._tag === "FileFailed" && failure.code === "ENOENT",
      ({ message }) => Effect.as(registry.incidents.report("JOURNAL_UNMARKED", message), undefined)
    )
    const goesOn = (journal: HostedJournal, { directories, goOn }: JournalsLeft.Found) =>
      Effect.gen(function* () {
        journal.marking.keep(yield* Effect.tapError(goOn, () => rest(journal)))
        journal.lacking = new Lacking(registry, directories)
        journals.open.set(token, journal)
      })
    const journal =
      found === undefined ? undefined : yield* restoredBeside(registry, serves, found, (each) => goesOn(each, found))
    if (journal !== undefined) {
      yield* JournalFiles.revive(store, token)
      registry.background(waits(registry, journal))
    } else yield* Effect.andThen(found?.close ?? Effect.void, remove(registry, token))
    journals.revive(token)
  }).pipe(Effect.ensuring(Effect.sync(() => registry.journals.reviving.delete(token))))
  return Effect.uninterruptible(registry.journals.turns.of(token, work))
}
