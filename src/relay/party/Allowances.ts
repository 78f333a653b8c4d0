/**
 * How much of its quota each principal of the access rules uses: connections, sessions, bytes a second, bytes on disk.
 * Counted over all its connections, also those that came under earlier rules.
 *
 * Bytes on disk are counted as they arrive, which is too much where files are overwritten, cleared or taken away. So
 * before anybody is refused for them the files are looked at (`recount`). What was recorded before the relay started is
 * found through what the earlier relay wrote down (`Recordings`). What the relay keeps of journals is counted exactly.
 */
import { Effect } from "effect"
import { clockMillis } from "../../Machine.ts"
import { TokenBucket } from "../../model/TokenBucket.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { TraceStore } from "../../storage/TraceStore.ts"
import { isThere } from "../../storage/Walks.ts"
import type { Incidents } from "../Incidents.ts"
import { Debtors } from "./Debtors.ts"
import { type Recording, Recordings } from "./Recordings.ts"

/** Of one principal; what is not bounded is infinite. */
export interface Quota {
  /** Whom it is counted for. */
  readonly principal: string
  readonly connections: number
  readonly sessions: number
  readonly bytesPerSecond: number
  readonly bytesOnDisk: number
}

/** For a line of the log. A principal without a name in the rules is an address or a key. */
export const principalText = (principal: string): string => JSON.stringify(principal.replace("\0", ""))

/** With so many directories, of sessions or of streams of those before 2.11, one principal begins no other session. */
export const directoryCountMax = 16_384

/** One principal's use. */
export class Allowance {
  connectionCount = 0
  sessionCount = 0
  /** An upper bound for what its traces take now; `recount` makes it exact. */
  diskBytes = 0
  /** The part of that which the relay keeps of its journals. */
  journalBytes = 0
  readonly bucket = new TokenBucket(clockMillis())
  readonly debtors = new Debtors()
  /** Where its sessions record, or did, relative to the output directory. */
  readonly directories = new Set<string>()
  /** One for each session; when they are done, all that was received is in files. */
  readonly syncs = new Set<Effect.Effect<void>>()
  recounting: Effect.Effect<void> | undefined
  /** The rules bound its bytes on disk. */
  isDiskBounded = false

  /** It has as many directories as are counted: with more, it would be held to less than what it recorded. */
  get hasManyDirectories(): boolean {
    return this.isDiskBounded && this.directories.size >= directoryCountMax
  }

  get isUnused(): boolean {
    const { connectionCount, directories, journalBytes, sessionCount } = this
    return connectionCount === 0 && sessionCount === 0 && directories.size === 0 && journalBytes === 0
  }
}

/** A principal that a party is: its quota, and what it uses of that. */
export interface Share {
  readonly quota: Quota
  readonly allowance: Allowance
}

/** What is kept of a journal, and whom it counts for. */
interface Kept {
  readonly shares: ReadonlyArray<Share>
  readonly byteCount: number
}

/** With fewer principals, or directories, nobody looks for those that can be forgotten. */
const principalCountMin = 64
const saidCountMin = 1024

const overfull = ".recordings has 16 MiB: what has no room there counts until this relay ends"

const recordingsOf = (allowances: Iterable<readonly [principal: string, Allowance]>): ReadonlyArray<Recording> =>
  Array.from(allowances).flatMap(([principal, { directories }]) =>
    Array.from(directories, (directory): Recording => [principal, directory])
  )

export class Allowances {
  readonly #store: TraceStore["Service"]
  readonly #recordings: Recordings
  readonly #background: (work: Effect.Effect<void>) => void
  readonly #incidents: Incidents
  readonly #byPrincipal = new Map<string, Allowance>()
  /** At this number of principals the unused are looked for. */
  #lookedAtCount = principalCountMin
  /** When it changes, a held `Allowance` may be one that was forgotten: ask for it again. */
  forgottenCount = 0
  readonly #kept = new Map<string, Kept>()
  #unsaid: Array<Recording> = []
  /** Directories written down since the last sweep. */
  #saidCount = 0
  #sweptAtCount = saidCountMin
  /** More is to be written down than has room there; it is said once. */
  #isOverfull = false

  constructor(store: TraceStore["Service"], incidents: Incidents, background: (work: Effect.Effect<void>) => void) {
    this.#store = store
    this.#recordings = new Recordings(store)
    this.#incidents = incidents
    this.#background = background
  }

  of(principal: string): Allowance {
    const known = this.#byPrincipal.get(principal)
    if (known !== undefined) return known
    const allowance = new Allowance()
    this.#byPrincipal.set(principal, allowance)
    return allowance
  }

  /** Forgets before it makes any, so that all answered are known until the party has counted itself in them. */
  sharesOf(bounds: ReadonlyArray<Quota>): ReadonlyArray<Share> {
    if (this.#byPrincipal.size >= this.#lookedAtCount) this.#forgetUnused()
    return bounds.map((quota) => {
      const allowance = this.of(quota.principal)
      allowance.isDiskBounded = quota.bytesOnDisk < Number.POSITIVE_INFINITY
      return { quota, allowance }
    })
  }

  get principalCount(): number {
    return this.#byPrincipal.size
  }

  /** Parties that only asked, without a connection, do not say when they are gone. */
  #forgetUnused(): void {
    for (const principal of this.#byPrincipal.keys()) this.forget(principal)
    this.#lookedAtCount = Math.max(principalCountMin, 2 * this.#byPrincipal.size)
  }

  /** Principals that use nothing are not remembered. */
  forget(principal: string): void {
    const allowance = this.#byPrincipal.get(principal)
    if (allowance?.isUnused !== true) return
    this.forgottenCount++
    this.#byPrincipal.delete(principal)
  }

  records({ principal }: Quota, allowance: Allowance, directory: string): void {
    const { directories, isDiskBounded } = allowance
    if (directories.has(directory)) return
    directories.add(directory)
    if (isDiskBounded) {
      this.#say([principal, directory])
      return
    }
    // Not counted now, and later only as far as it is remembered.
    const [oldest] = directories
    if (directories.size > directoryCountMax && oldest !== undefined) directories.delete(oldest)
  }

  /** So much is kept of the journal now; 0: nothing. */
  keep(token: string, shares: ReadonlyArray<Share>, byteCount: number): void {
    const before = this.#kept.get(token)
    if (byteCount === 0) this.#kept.delete(token)
    else this.#kept.set(token, { shares, byteCount })
    for (const { allowance } of shares) {
      allowance.journalBytes += byteCount
      allowance.diskBytes += byteCount
    }
    for (const { allowance, quota } of before?.shares ?? []) {
      allowance.journalBytes -= before?.byteCount ?? 0
      allowance.diskBytes -= before?.byteCount ?? 0
      this.forget(quota.principal)
    }
  }

  /** The session that recorded there has ended. */
  left(allowance: Allowance, directories: Iterable<string>): void {
    if (allowance.isDiskBounded) return
    for (const directory of directories) allowance.directories.delete(directory)
  }

  /** Forgets directories that are gone, in memory and in what is written down: nobody may ever ask for a recount. */
  get #sweep(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const { output, retraceable } = this.#store
      for (const [principal, { directories }] of [...this.#byPrincipal]) {
        for (const directory of [...directories]) {
          if (!(yield* isThere(retraceable.plain, `${output}/${directory}`))) directories.delete(directory)
        }
        this.forget(principal)
      }
      const bounded = [...this.#byPrincipal].filter(([, { isDiskBounded }]) => isDiskBounded)
      const left = recordingsOf(bounded)
      this.#sweptAtCount = Math.max(saidCountMin, left.length)
      yield* this.#hadRoom(yield* this.#put(this.#recordings.replace(left)))
    })
  }

  /** For the start: finds what principals recorded before the relay started, and counts it. */
  get recall(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const earlier = yield* this.#recordings.all
      if (earlier.length === 0) return
      const recalled = new Map<string, Allowance>()
      for (const [principal, directory] of earlier) {
        const allowance = this.of(principal)
        recalled.set(principal, allowance)
        allowance.directories.add(directory)
      }
      for (const allowance of recalled.values()) yield* this.recount(allowance)
      yield* this.#hadRoom(yield* this.#put(this.#recordings.replace(recordingsOf(recalled))))
      for (const principal of recalled.keys()) this.forget(principal)
    })
  }

  /** All that is recorded in one turn is written down in one write. */
  #say(recording: Recording): void {
    this.#saidCount++
    if (this.#unsaid.push(recording) > 1) return
    const said = Effect.suspend(() => this.#put(this.#recordings.append(this.#unsaid.splice(0))))
    this.#background(Effect.flatMap(said, (isAll) => this.#sweepIfDue(isAll)))
  }

  /** Once as many were added as the last sweep left, or earlier if there is no room, but never for a few. */
  #sweepIfDue(hasRoom: boolean): Effect.Effect<void> {
    if (this.#saidCount < (hasRoom ? this.#sweptAtCount : saidCountMin))
      return hasRoom ? Effect.void : this.#hadRoom(false)
    this.#saidCount = 0
    return this.#sweep
  }

  #hadRoom(hasRoom: boolean): Effect.Effect<void> {
    const isNews = !(hasRoom || this.#isOverfull)
    this.#isOverfull = !hasRoom
    return isNews ? this.#incidents.report("RECORDING_UNMARKED", overfull) : Effect.void
  }

  /** What cannot be written was said: whether it would have had room nobody knows. */
  #put(written: Effect.Effect<boolean, FileFailed>): Effect.Effect<boolean> {
    return Effect.catch(written, ({ message }) =>
      Effect.as(this.#incidents.report("RECORDING_UNMARKED", message), true)
    )
  }

  /** Looks at what is there. Calls made meanwhile wait for the same look. */
  recount(allowance: Allowance): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (allowance.recounting !== undefined) return allowance.recounting
      const counted = Effect.gen({ self: this }, function* () {
        yield* Effect.forEach([...allowance.syncs], (synced) => synced, { discard: true })
        let sum = allowance.journalBytes
        const before = allowance.diskBytes
        for (const directory of [...allowance.directories]) {
          const byteCount = yield* this.#store.directory(directory).byteCount
          if (byteCount === undefined) allowance.directories.delete(directory)
          else sum += byteCount
        }
        // What came meanwhile counts, perhaps twice until the next look.
        allowance.diskBytes += sum - before
      })
      // By the look itself, not by who began it: that one may leave while others wait.
      const over = Effect.sync(() => {
        allowance.recounting = undefined
      })
      return Effect.flatMap(Effect.cached(Effect.ensuring(counted, over)), (shared) => {
        allowance.recounting = shared
        return shared
      })
    })
  }
}
