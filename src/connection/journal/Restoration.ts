/**
 * Journals of a relay that was killed, or stopped, and is there again (docs/durability.md): it goes through what it
 * carried out, with shadows for files, and so comes to where it was; then the files are made what the shadows are.
 * Journals for which the disk has no room, or cannot be written, wait for that as those do that have expired: each is
 * gone through when its edge asks for it (`Expiry.awaken`). One that cannot be gone through is over: the relay, and the
 * others, are there all the same.
 */
import { Cause, Effect, Option, Result } from "effect"
import * as Away from "../../relay/journal/Away.ts"
import * as JournalFiles from "../../relay/journal/JournalFiles.ts"
import * as JournalsLeft from "../../relay/journal/JournalsLeft.ts"
import { type Bereft, retraced, type Steps } from "../../relay/journal/Retracing.ts"
import { Party } from "../../relay/party/Party.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { Serves } from "../control/Command.ts"
import { setBackOf } from "./Current.ts"
import { broken, isForNow, rest, suspended } from "./Expiry.ts"
import { HostedJournal } from "./HostedJournal.ts"
import { leftOf, optionsOf, remove } from "./Hosting.ts"
import { Lacking } from "./Lacking.ts"
import { replayed } from "./Replay.ts"
import { ownerOf } from "./Standing.ts"

/** Nothing is lost of it: its edge comes again until it can be done. */
const leave = (registry: Registry["Service"], token: string, failure: JournalsLeft.Unfound): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { incidents, journals } = registry
    if (!isForNow(registry, failure)) return yield* incidents.report("JOURNAL_UNMARKED", failure.message)
    yield* incidents.report("JOURNAL_WAITS", failure.message)
    const owner = yield* expiredOwner(registry, token)
    for (const oldest of journals.expire(token, owner)) yield* remove(registry, oldest)
  })

/** Whose it is; what is put down of it counts for them. */
const expiredOwner = ({ permissions, store }: Registry["Service"], token: string): Effect.Effect<string> =>
  Effect.gen(function* () {
    const about = yield* JournalsLeft.aboutOf(store, token)
    if (about === undefined) return ""
    const edge = { name: about.peer, certificate: about.certificate }
    new Party(permissions, edge).keeps(token, yield* JournalFiles.byteCountOf(store, token))
    return ownerOf(edge, permissions.rightsOf)
  })

/** Files that are read at once. */
const concurrency = 16

/** Journals that are over, with whose they were. */
const rememberOver = (registry: Registry["Service"]): Effect.Effect<void, JournalsLeft.Unlisted> =>
  Effect.gen(function* () {
    const { journals, store } = registry
    const { ended, expired, finished } = yield* JournalsLeft.findOver(store)
    for (const { owner, token } of finished) yield* JournalsLeft.forgetOver(store, journals.finish(token, owner))
    for (const { owner, token } of ended) yield* JournalsLeft.forgetOver(store, journals.end(token, owner))
    const owners = yield* Effect.forEach(expired, ({ token }) => expiredOwner(registry, token), { concurrency })
    for (const [index, { token }] of expired.entries())
      for (const oldest of journals.expire(token, owners[index] ?? "")) yield* remove(registry, oldest)
  })

/** Before anybody can connect. Fails if it cannot be known what there is. */
export const restore = (registry: Registry["Service"], serves: Serves): Effect.Effect<void, JournalsLeft.Unlisted> =>
  Effect.suspend(() => {
    // From the first on somebody closes them, wherever the relay is stopped.
    const left = new Set<JournalsLeft.Found>()
    const closed = Effect.suspend(() => Effect.forEach(left, ({ close }) => close, { discard: true }))
    return Effect.onExit(restored(registry, serves, left), () => closed)
  })

const restored = (
  registry: Registry["Service"],
  serves: Serves,
  left: Set<JournalsLeft.Found>
): Effect.Effect<void, JournalsLeft.Unlisted> =>
  Effect.gen(function* () {
    const { incidents, journals, store } = registry
    // First: those that are left now are the newest of them.
    yield* rememberOver(registry)
    yield* JournalsLeft.findAll(store, leftOf(registry), left, (token, failure) => leave(registry, token, failure))
    if (left.size === 0) return
    const hosted = new Map<string, HostedJournal>()
    const work = (found: JournalsLeft.Found) => {
      const journal = new HostedJournal(optionsOf(registry, serves, found))
      journals.open.set(found.token, journal)
      hosted.set(found.token, journal)
      return Effect.as(replayed(journal, found), journal)
    }
    const dropped = ({ close, token }: JournalsLeft.Found) =>
      Effect.suspend(() => {
        const journal = hosted.get(token)
        if (journal === undefined) return close
        journals.close(journal)
        return Effect.andThen(rest(journal), close)
      })
    const bereft = (found: JournalsLeft.Found, { directory, retraced }: Bereft<HostedJournal>) =>
      Effect.gen(function* () {
        yield* incidents.report("JOURNAL_CHANGED", `${retraced.edgeName}: ${directory} is gone`)
        yield* Effect.andThen(dropped(found), remove(registry, found.token))
      })
    const failed: Steps<HostedJournal>["failed"] = (found, cause) => {
      const failure = Option.getOrUndefined(Cause.findErrorOption(cause))
      const isLeft = failure?._tag === "FileFailed"
      const told = isLeft ? leave(registry, found.token, failure) : broken(registry, found, cause)
      return Effect.andThen(dropped(found), told)
    }
    const again: Array<HostedJournal> = []
    const goesOn = (journal: HostedJournal, found: JournalsLeft.Found) =>
      Effect.gen(function* () {
        journal.lacking = new Lacking(registry, found.directories)
        const history = yield* Effect.result(found.goOn)
        if (Result.isSuccess(history)) journal.marking.keep(history.success)
        else if (store.roomWait.isMendable(history.failure)) {
          journals.close(journal)
          yield* Effect.andThen(rest(journal), leave(registry, journal.token, history.failure))
          return
        }
        again.push(journal)
      })
    yield* retraced(store, left, { work, bereft, goesOn, failed, ...setBackOf(registry) })
    // Their files are looked at, so not while others are gone through, with shadows for all files.
    for (const journal of again) {
      const away = Away.noted(store, journal.token, journal.received)
      registry.background(Effect.flatMap(away, (millis) => suspended(registry, journal, millis)))
    }
  })
