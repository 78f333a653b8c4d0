/**
 * What each principal of the access rules uses of what it may use: connections, sessions, bytes a second, bytes on
 * disk. Over all of its connections, whatever rules said when they came.
 *
 * Bytes on disk are counted as they arrive, which is too much where files are overwritten, cleared or taken away. So
 * before anybody is refused for them they are looked up (`recount`). What was recorded before the relay started is
 * found again by what the earlier one put down (`Recordings`).
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

/** For a line of the log; who has no name in the rules is an address or a key. */
export const principalText = (principal: string): string => JSON.stringify(principal.replace("\0", ""))

/** One principal's use. */
export class Allowance {
  connectionCount = 0
  sessionCount = 0
  /** Of traces that are not taken away, at most. */
  diskBytes = 0
  readonly bucket = new TokenBucket(clockMillis())
  readonly debtors = new Debtors()
  /** Where its sessions record, or did, relative to the output directory. */
  readonly directories = new Set<string>()
  /** What its sessions have received is in their files after these. */
  readonly flushes = new Set<Effect.Effect<void>>()
  recounting: Effect.Effect<void> | undefined
  /** As the rules were looked at last: its bytes on disk have a bound. */
  isDiskBounded = false

  get isUnused(): boolean {
    return this.connectionCount === 0 && this.sessionCount === 0 && this.directories.size === 0
  }
}

/** What a party may use of what its principal may, and what that uses. */
export interface Share {
  readonly quota: Quota
  readonly allowance: Allowance
}

/** Of those whose traces are taken away by others, so many are known at once. */
const directoryCountMax = 16_384

/** Fewer principals are not worth a look, nor fewer directories. */
const principalCountMin = 64
const saidCountMin = 1024

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
  /** With so many it is looked who of them is used. */
  #lookedAtCount = principalCountMin
  /** How many were forgotten: of each of them there may be another one now. */
  forgottenCount = 0
  #unsaid: Array<Recording> = []
  /** Since it was looked whether what was recorded is there. */
  #saidCount = 0
  #sweptAtCount = saidCountMin

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

  /** None of them is forgotten before the party has counted itself in all. */
  sharesOf(bounds: ReadonlyArray<Quota>): ReadonlyArray<Share> {
    if (this.#byPrincipal.size >= this.#lookedAtCount) this.#forgetUnused()
    return bounds.map((quota) => {
      const allowance = this.of(quota.principal)
      allowance.isDiskBounded = quota.bytesOnDisk < Number.POSITIVE_INFINITY
      return { quota, allowance }
    })
  }

  /** Those that have something to count. */
  get principalCount(): number {
    return this.#byPrincipal.size
  }

  /** Who had no connection of its own, but asked, says nothing when it is gone. */
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
    if (isDiskBounded) this.#say([principal, directory])
    const [oldest] = directories
    if (directories.size > directoryCountMax && oldest !== undefined) directories.delete(oldest)
  }

  /** The session that recorded there has ended. */
  left(allowance: Allowance, directories: Iterable<string>): void {
    if (allowance.isDiskBounded) return
    for (const directory of directories) allowance.directories.delete(directory)
  }

  /** What was taken away is put down no more, nor remembered: whoever never comes again is not asked what he has. */
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
      yield* this.#put(this.#recordings.replace(left))
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
      yield* this.#put(this.#recordings.replace(recordingsOf(recalled)))
      for (const principal of recalled.keys()) this.forget(principal)
    })
  }

  /** What is said in one turn is put down at once. */
  #say(recording: Recording): void {
    this.#saidCount++
    if (this.#unsaid.push(recording) > 1) return
    const said = Effect.suspend(() => this.#put(this.#recordings.append(this.#unsaid.splice(0))))
    this.#background(Effect.andThen(said, this.#sweepIfDue))
  }

  /** Not before there may be as many again that are gone. */
  get #sweepIfDue(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#saidCount < this.#sweptAtCount) return Effect.void
      this.#saidCount = 0
      return this.#sweep
    })
  }

  #put(written: Effect.Effect<void, FileFailed>): Effect.Effect<void> {
    return Effect.catch(written, ({ message }) => this.#incidents.report("RECORDING_UNMARKED", message))
  }

  /** Looks at what is there. Calls made meanwhile wait for the same look. */
  recount(allowance: Allowance): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (allowance.recounting !== undefined) return allowance.recounting
      const counted = Effect.gen({ self: this }, function* () {
        yield* Effect.forEach([...allowance.flushes], (flushed) => flushed, { discard: true })
        let sum = 0
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
