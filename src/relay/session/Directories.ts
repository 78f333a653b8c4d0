/**
 * Which session records into which directory. Relay sessions of one tracing session share one (streaming.md §11.5);
 * nobody else gets it while it is theirs, or once there is a trace in it: a name that is taken gets a suffix.
 *
 * A tracing session keeps its directory when its last connection has gone, since another of its consumer daemons, or
 * its next snapshot, may come later. Sessions of snapshots share theirs, since each snapshot has a directory of its own
 * in it: their connections stay for as long as their session daemon.
 */
import { Deferred, Effect, Exit, Result } from "effect"
import type { Incident } from "../../errors/Report.ts"
import { suffixOf, withSuffix } from "../../model/Suffix.ts"
import { FileFailed } from "../../storage/Files.ts"
import type { TraceStore } from "../../storage/TraceStore.ts"
import type { Incidents } from "../Incidents.ts"
import { keyOf, type Owner } from "./Chunks.ts"

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
}

export class Directories {
  readonly #store: TraceStore["Service"]
  readonly #incidents: Incidents
  /** By path, in the spelling of `nameOf`. */
  readonly #claims = new Map<string, Claim>()
  /** By owner (a tracing session, or one for all snapshots) and the path that was asked for. */
  readonly #owners = new Map<string, Claim>()
  readonly #looking = new Map<string, Deferred.Deferred<void>>()
  /** Those of journals that are being restored, in the spelling of `nameOf`. */
  readonly #kept = new Map<string, Deferred.Deferred<void>>()

  constructor(store: TraceStore["Service"], incidents: Incidents) {
    this.#store = store
    this.#incidents = incidents
  }

  /**
   * Makes the directory of `owner` for `path`, relative to the output directory, or finds the one it shares; answers
   * its path. `release` it when the session ends.
   */
  take(path: string, owner: Owner, taker: Taker): Effect.Effect<string, Incident> {
    const { isCarried = false, isSnapshot, places } = taker
    const key = `${isSnapshot ? `${snapshots}${owner.names ?? ""}` : keyOf(owner)}/${path}`
    const made = Effect.flatMap(this.#claim(path, key, places), (given) =>
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
      if (names.some((name) => this.#isUsed(name) && !this.#isShared(name))) return Effect.undefined
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

  #isShared(name: string): boolean {
    return this.#claims.get(name)?.key.startsWith(snapshots) === true
  }

  /** Kept by somebody, and not for snapshots, which have directories of their own. */
  #keptAlone(path: string): Deferred.Deferred<void> | undefined {
    const name = nameOf(path)
    return this.#isShared(name) ? undefined : this.#kept.get(name)
  }

  #claim(path: string, key: string, places: Taker["places"]): Effect.Effect<string, FileFailed> {
    return Effect.suspend(() => {
      const own = this.#owners.get(key)
      const looking = this.#looking.get(key)
      if (looking !== undefined) return Effect.andThen(Deferred.await(looking), this.#claim(path, key, places))
      // What another journal of its tracing session does there now would be hidden from it, and the other way round.
      const kept = own !== undefined && places === undefined ? this.#keptAlone(own.path) : undefined
      if (kept !== undefined) return Effect.andThen(Deferred.await(kept), this.#claim(path, key, places))
      const again = own === undefined ? this.#again(key, path, places) : undefined
      if (again !== undefined) return Effect.succeed(again)
      // It had none: it was refused then, perhaps because the path leads out of the output directory by a link.
      if (own === undefined && places !== undefined)
        return Effect.fail(new FileFailed({ operation: "mkdir", path, code: "ENOENT" }))
      if (own === undefined) return this.#look(key, path)
      own.userCount++
      return Effect.succeed(own.path)
    })
  }

  /** The directory that it had before, if nobody else has it now. */
  #again(key: string, path: string, places: Taker["places"] = new Set()): string | undefined {
    for (const place of places) {
      const isOther = this.#isUsed(nameOf(place))
      if (!isOther && suffixOf(path, place) !== undefined) return this.#enter({ key, path: place, userCount: 1 }).path
    }
    return undefined
  }

  /** Not interruptible: others wait for it. */
  #look(key: string, path: string): Effect.Effect<string, FileFailed> {
    const looked = Deferred.makeUnsafe<void>()
    this.#looking.set(key, looked)
    const ended = Effect.sync(() => {
      this.#looking.delete(key)
      Deferred.doneUnsafe(looked, Exit.void)
    })
    return Effect.uninterruptible(Effect.ensuring(this.#find(key, path), ended))
  }

  #find(key: string, path: string): Effect.Effect<string, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      for (let number = 0; ; number++) {
        const candidate = withSuffix(path, number)
        if (this.#isUsed(nameOf(candidate)) || this.#kept.has(nameOf(candidate))) continue
        // Claimed before the disk is asked: another session that wants this name meanwhile comes second.
        const claim = this.#enter({ key, path: candidate, userCount: 1 })
        const found = yield* Effect.result(this.#store.directory(candidate).holdsFile(isOfTrace))
        if (Result.isSuccess(found) && !found.success) {
          if (number > 0) yield* this.#incidents.report("NAME_TAKEN", `${path}: recorded in ${candidate}`)
          return candidate
        }
        this.#forget(claim)
        if (Result.isFailure(found)) return yield* found.failure
      }
    })
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

  #enter(claim: Claim): Claim {
    const previous = this.#claims.get(nameOf(claim.path))
    if (previous !== undefined) this.#forget(previous)
    this.#claims.set(nameOf(claim.path), claim)
    this.#owners.set(claim.key, claim)
    return claim
  }

  #forget(claim: Claim): void {
    if (this.#claims.get(nameOf(claim.path)) === claim) this.#claims.delete(nameOf(claim.path))
    if (this.#owners.get(claim.key) === claim) this.#owners.delete(claim.key)
  }
}

/** One directory has many spellings: `a//b/./c/` is `a/b/c`. */
const nameOf = (path: string) =>
  path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .join("/")
