/**
 * Which session records into which directory. Relay sessions of one tracing session share one (streaming.md §11.5);
 * nobody else gets it while it is theirs, or once there is a trace in it: a name that is taken gets a suffix.
 *
 * A tracing session keeps its directory when its last connection has gone, since another of its consumer daemons, or
 * its next snapshot, may come later. But not while a journal is open that brings it: a relay that is started again goes
 * through each by itself. Sessions of snapshots share theirs, since each snapshot has a directory of its own in it:
 * their connections stay for as long as their session daemon.
 */
import { Deferred, Effect, Exit, Result } from "effect"
import type { Incident } from "../../errors/Report.ts"
import { suffixOf, withSuffix } from "../../model/Suffix.ts"
import { FileFailed } from "../../storage/Files.ts"
import type { TraceStore } from "../../storage/TraceStore.ts"
import type { Incidents } from "../Incidents.ts"
import { type Owner, tracingKeyOf } from "./Chunks.ts"

/** So many directories are remembered. Beyond that one without a session is forgotten: the disk is asked for it. */
const remembered = 4096

/**
 * What targets have in a session's directory. Anything else there is the operator's, another session's below, or a
 * snapshot, which has a name of its own.
 */
const isOfTrace = (name: string) =>
  /^(ust|kernel|index|metadata|archives|\.tmp_(old|new)_chunk|\d{8}T\d{6}[+-]\d{4}-.*)$/.test(name)

/** So begins whom a directory of snapshots belongs to; a session daemon's UUID does not. */
const snapshots = "snapshots"

/** What matters about a session that asks for a directory. */
interface Taker {
  readonly isSnapshot: boolean
  /** It comes by an edge's journal: it waits while the disk is full, instead of being refused. */
  readonly isCarried?: boolean
  /** Set while its history is repeated: it had one of these, and sessions may come in another order than then. */
  readonly places?: ReadonlySet<string> | undefined
}

interface Claim {
  readonly key: string
  readonly path: string
  userCount: number
  /** Its token: that brings those who had it last. */
  journal: string | undefined
}

interface Wanted {
  readonly path: string
  readonly key: string
  readonly journal: string | undefined
  readonly places: Taker["places"]
}

const apartKeyOf = ({ journal = "", key }: Wanted): string => `${key}\n${journal}`

export class Directories {
  readonly #store: TraceStore["Service"]
  readonly #incidents: Incidents
  readonly #isOpen: (journal: string) => boolean
  /** By path, in the spelling of `nameOf`. */
  readonly #claims = new Map<string, Claim>()
  /** By owner (a tracing session, a journal of one, or one for all snapshots) and the path that was asked for. */
  readonly #owners = new Map<string, Claim>()
  /** By path that was asked for: the number behind it that was claimed last. Where the search begins, no more. */
  readonly #newest = new Map<string, number>()
  readonly #looking = new Map<string, Deferred.Deferred<void>>()
  /** Those of journals that are being restored, in the spelling of `nameOf`. */
  readonly #kept = new Map<string, Deferred.Deferred<void>>()

  /** `isOpen`: the journal is carried out, or suspended. */
  constructor(store: TraceStore["Service"], incidents: Incidents, isOpen: (journal: string) => boolean) {
    this.#store = store
    this.#incidents = incidents
    this.#isOpen = isOpen
  }

  /**
   * Makes the directory of `owner` for `path`, relative to the output directory, or finds the one it shares; answers
   * its path. `release` it when the session ends.
   */
  take(path: string, owner: Owner, taker: Taker): Effect.Effect<string, Incident> {
    const { isCarried = false, isSnapshot, places } = taker
    const key = `${isSnapshot ? `${snapshots}${owner.names ?? ""}` : tracingKeyOf(owner)}/${path}`
    const journal = isSnapshot ? undefined : owner.journal
    const made = Effect.flatMap(this.#claim({ path, key, journal, places }), (given) =>
      this.#store.directory(given).make.pipe(
        Effect.as(given),
        Effect.tapCause(() => Effect.sync(() => this.release(given)))
      )
    )
    return Effect.mapError(
      this.#store.roomWait.of(made, () => isCarried),
      ({ message }) => ({ code: "SESSION_DIRECTORY", detail: message })
    )
  }

  /**
   * Does `work` while nobody new gets one of the places, and nobody else keeps one. Undefined, without it: a session
   * has one of them, other than for snapshots, which share it.
   */
  keeping<A, E>(places: Iterable<string>, work: Effect.Effect<A, E>): Effect.Effect<A | undefined, E> {
    return Effect.suspend(() => {
      const names = Array.from(places, nameOf)
      const other = names.map((name) => this.#kept.get(name) ?? this.#lookAt(name)).find((one) => one !== undefined)
      if (other !== undefined) return Effect.andThen(Deferred.await(other), this.keeping(places, work))
      if (names.some((name) => this.#isHeld(name) && !this.#isShared(name))) return Effect.undefined
      const over = Deferred.makeUnsafe<void>()
      for (const name of names) this.#kept.set(name, over)
      const ended = Effect.sync(() => {
        for (const name of names) this.#kept.delete(name)
        Deferred.doneUnsafe(over, Exit.void)
      })
      return Effect.ensuring(work, ended)
    })
  }

  /** Somebody looks whether it is free, and has claimed it until then. */
  #lookAt(name: string): Deferred.Deferred<void> | undefined {
    const claim = this.#claims.get(name)
    return claim && this.#looking.get(claim.key)
  }

  #isUsed(name: string): boolean {
    return (this.#claims.get(name)?.userCount ?? 0) > 0
  }

  /** A session has it, or may get it again. */
  #isHeld(name: string): boolean {
    const journal = this.#claims.get(name)?.journal
    return (journal !== undefined && this.#isOpen(journal)) || this.#isUsed(name)
  }

  #isShared(name: string): boolean {
    return this.#claims.get(name)?.key.startsWith(snapshots) === true
  }

  /** Kept by somebody, and not for snapshots, which have directories of their own. */
  #keptAlone(path: string): Deferred.Deferred<void> | undefined {
    const name = nameOf(path)
    return this.#isShared(name) ? undefined : this.#kept.get(name)
  }

  #claim(wanted: Wanted): Effect.Effect<string, FileFailed> {
    return Effect.suspend(() => {
      const { path, places } = wanted
      const looking = this.#looking.get(apartKeyOf(wanted)) ?? this.#looking.get(wanted.key)
      if (looking !== undefined) return Effect.andThen(Deferred.await(looking), this.#claim(wanted))
      const own = this.#ownOf(wanted)
      // What another journal of its tracing session does there now would be hidden from it, and the other way round.
      const kept = own !== undefined && places === undefined ? this.#keptAlone(own.path) : undefined
      if (kept !== undefined) return Effect.andThen(Deferred.await(kept), this.#claim(wanted))
      const again = own === undefined ? this.#again(wanted) : undefined
      if (again !== undefined) return Effect.succeed(again)
      // It had none: it was refused then, perhaps because the path leads out of the output directory by a link.
      if (own === undefined && places !== undefined)
        return Effect.fail(new FileFailed({ operation: "mkdir", path, code: "ENOENT" }))
      if (own === undefined) return this.#look(wanted)
      const told = this.#tellOfOther(own, wanted)
      own.userCount++
      own.journal = wanted.journal
      return Effect.as(told, own.path)
    })
  }

  /** An earlier version let journals of a tracing session share it: gone through again, none sees the other. */
  #tellOfOther(own: Claim, { journal }: Wanted): Effect.Effect<void> {
    const isOther = own.journal !== undefined && journal !== undefined && own.journal !== journal
    if (!isOther || this.#isShared(nameOf(own.path)) || !this.#isHeld(nameOf(own.path))) return Effect.void
    const detail = `${own.path}: two journals record there; of files that both have one may be cut, or end in zeros`
    return this.#incidents.report("JOURNAL_CHANGED", detail)
  }

  /** That of its journal, or of its tracing session, unless another journal, or who comes without one, has that. */
  #ownOf(wanted: Wanted): Claim | undefined {
    const { journal, key, places } = wanted
    const own = this.#owners.get(apartKeyOf(wanted)) ?? this.#owners.get(key)
    if (own === undefined || places !== undefined) return places?.has(own?.path ?? "") === true ? own : undefined
    return own.journal !== journal && this.#isHeld(nameOf(own.path)) ? undefined : own
  }

  /** The directory that it had before, if nobody else has it now. */
  #again(wanted: Wanted): string | undefined {
    for (const place of wanted.places ?? []) {
      const isOther = this.#isUsed(nameOf(place))
      if (!isOther && suffixOf(wanted.path, place) !== undefined) return this.#enter(wanted, place).path
    }
    return undefined
  }

  /** Not interruptible: others wait for it. */
  #look(wanted: Wanted): Effect.Effect<string, FileFailed> {
    const looked = Deferred.makeUnsafe<void>()
    const key = this.#keyFor(wanted)
    this.#looking.set(key, looked)
    const ended = Effect.sync(() => {
      this.#looking.delete(key)
      Deferred.doneUnsafe(looked, Exit.void)
    })
    return Effect.uninterruptible(Effect.ensuring(this.#find(wanted), ended))
  }

  #find(wanted: Wanted): Effect.Effect<string, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      const { path } = wanted
      for (let number = 0; ; number = yield* this.#numberAfter(number, path)) {
        const candidate = withSuffix(path, number)
        if (this.#isAnothers(candidate)) continue
        // Claimed before the disk is asked: another session that wants this name meanwhile comes second.
        const claim = this.#enter(wanted, candidate)
        if (number > 0) this.#remember(path, number)
        const found = yield* Effect.result(this.#holdsTrace(candidate))
        if (Result.isSuccess(found) && !found.success) {
          if (number > 0) yield* this.#incidents.report("NAME_TAKEN", `${path}: recorded in ${candidate}`)
          return candidate
        }
        this.#forget(claim)
        if (Result.isFailure(found)) return yield* found.failure
      }
    })
  }

  /** Behind the first the search begins with the newest; what others have claimed meanwhile is not gone through. */
  #numberAfter(number: number, path: string): Effect.Effect<number, FileFailed> {
    const newest = this.#newest.get(nameOf(path)) ?? 1
    if (number > 0) return Effect.succeed(Math.max(number, newest) + 1)
    return firstFree(newest, (other) => this.#isTaken(withSuffix(path, other)))
  }

  #remember(path: string, number: number): void {
    if (this.#newest.size >= remembered) this.#newest.clear()
    this.#newest.set(nameOf(path), number)
  }

  #isAnothers(path: string): boolean {
    return this.#isHeld(nameOf(path)) || this.#kept.has(nameOf(path))
  }

  #holdsTrace(path: string): Effect.Effect<boolean, FileFailed> {
    return this.#store.directory(path).holdsFile(isOfTrace)
  }

  #isTaken(path: string): Effect.Effect<boolean, FileFailed> {
    return Effect.suspend(() => (this.#isAnothers(path) ? Effect.succeed(true) : this.#holdsTrace(path)))
  }

  /** The session that claimed `path` has ended. */
  release(path: string): void {
    const claim = this.#claims.get(nameOf(path))
    if (claim === undefined || --claim.userCount > 0) return
    // The one released last is forgotten last.
    this.#owners.delete(claim.key)
    this.#owners.set(claim.key, claim)
    if (this.#owners.size <= remembered) return
    for (const old of this.#owners.values()) {
      if (old.userCount > 0) continue
      this.#forget(old)
      break
    }
  }

  /** Beside the directory of its tracing session, if that has one. */
  #keyFor(wanted: Wanted): string {
    return this.#owners.has(wanted.key) ? apartKeyOf(wanted) : wanted.key
  }

  #enter(wanted: Wanted, path: string): Claim {
    const claim = { key: this.#keyFor(wanted), path, userCount: 1, journal: wanted.journal }
    const previous = this.#claims.get(nameOf(path))
    if (previous !== undefined) this.#forget(previous)
    this.#claims.set(nameOf(path), claim)
    this.#owners.set(claim.key, claim)
    return claim
  }

  #forget(claim: Claim): void {
    if (this.#claims.get(nameOf(claim.path)) === claim) this.#claims.delete(nameOf(claim.path))
    if (this.#owners.get(claim.key) === claim) this.#owners.delete(claim.key)
  }
}

/** A free number; the first from 1 if all before it are taken. Of thousands it looks at some twenty, from `guess`. */
const firstFree = <E>(
  guess: number,
  isTaken: (number: number) => Effect.Effect<boolean, E>
): Effect.Effect<number, E> =>
  Effect.gen(function* () {
    let [taken, free] = [0, guess]
    for (let step = 1; yield* isTaken(free); step *= 2) [taken, free] = [free, free + step]
    while (free - taken > 1) {
      const middle = Math.floor((taken + free) / 2)
      if (yield* isTaken(middle)) taken = middle
      else free = middle
    }
    return free
  })

/** One directory has many spellings: `a//b/./c/` is `a/b/c`. */
const nameOf = (path: string) =>
  path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .join("/")
