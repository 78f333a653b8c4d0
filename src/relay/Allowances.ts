/**
 * What each principal of the access rules uses of what it may use: connections, sessions, bytes a second, bytes on
 * disk. Over all of its connections, whatever rules said when they came.
 *
 * Bytes on disk are counted as they arrive, which is too much where files are overwritten, cleared or taken away. So
 * before anybody is refused for them they are looked up (`recount`).
 */
import { Effect } from "effect"
import { clockMillis } from "../Machine.ts"
import { TokenBucket } from "../model/TokenBucket.ts"
import type { TraceStore } from "../storage/TraceStore.ts"

/** Of one principal; what is not bounded is infinite. */
export interface Quota {
  /** Whom it is counted for. */
  readonly principal: string
  readonly connections: number
  readonly sessions: number
  readonly bytesPerSecond: number
  readonly bytesOnDisk: number
}

/** One principal's use. */
export class Allowance {
  connectionCount = 0
  sessionCount = 0
  /** Of traces that are not taken away, at most. */
  diskBytes = 0
  readonly bucket = new TokenBucket(clockMillis())
  /** Where its sessions record, or did, relative to the output directory. */
  readonly directories = new Set<string>()
  /** What its sessions have received is in their files after these. */
  readonly flushes = new Set<Effect.Effect<void>>()
  recounting: Effect.Effect<void> | undefined

  get isUnused(): boolean {
    return this.connectionCount === 0 && this.sessionCount === 0 && this.directories.size === 0
  }
}

/** Of those whose traces are taken away by others, so many are known at once. */
const directoryCountMax = 16_384

export class Allowances {
  readonly #store: TraceStore["Service"]
  readonly #byPrincipal = new Map<string, Allowance>()

  constructor(store: TraceStore["Service"]) {
    this.#store = store
  }

  of(principal: string): Allowance {
    const known = this.#byPrincipal.get(principal)
    if (known !== undefined) return known
    const allowance = new Allowance()
    this.#byPrincipal.set(principal, allowance)
    return allowance
  }

  /** Nobody who uses nothing is remembered. */
  forget(principal: string): void {
    if (this.#byPrincipal.get(principal)?.isUnused === true) this.#byPrincipal.delete(principal)
  }

  records(allowance: Allowance, directory: string): void {
    const { directories } = allowance
    directories.add(directory)
    const [oldest] = directories
    if (directories.size > directoryCountMax && oldest !== undefined) directories.delete(oldest)
  }

  /** Looks at what is there. Who asks meanwhile waits for the same look. */
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
      return Effect.flatMap(Effect.cached(counted), (shared) => {
        allowance.recounting = shared
        return Effect.ensuring(
          shared,
          Effect.sync(() => {
            allowance.recounting = undefined
          })
        )
      })
    })
  }
}
