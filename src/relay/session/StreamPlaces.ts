/**
 * Where the streams of one session go in its trace chunks. A stream's directory in which there are files of others
 * is not touched: it gets a suffix, for all the session's streams from then on, since they are one trace.
 */
import { Effect } from "effect"
import * as Path from "../../model/Path.ts"
import { splitStreamPath, withSuffix } from "../../model/Suffix.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { TraceDirectory } from "../../storage/TraceStore.ts"
import type { Incidents } from "../Incidents.ts"
import type { Identity } from "./Identity.ts"

/** Two sessions of one name in one second are many. */
const numberMax = 10_000

export class StreamPlaces {
  readonly #identity: Identity
  readonly #grouping: Path.OutputGrouping
  readonly #incidents: Incidents
  /** By the part of a path that may be renamed. */
  readonly #numbers = new Map<string, number>()
  /** Streams are made again that have their places: what is given as their paths. */
  isGiven = false

  constructor(identity: Identity, grouping: Path.OutputGrouping, incidents: Incidents) {
    this.#identity = identity
    this.#grouping = grouping
    this.#incidents = incidents
  }

  /** Of paths that have another name. */
  get numbers(): ReadonlyArray<readonly [path: string, number: number]> {
    return [...this.#numbers].filter(([, number]) => number > 0)
  }

  set numbers(numbers: ReadonlyArray<readonly [path: string, number: number]>) {
    this.#numbers.clear()
    for (const [path, number] of numbers) this.#numbers.set(path, number)
  }

  /** Where a stream would go, if nothing were there. Undefined: it would lead out of the session's directory. */
  pathOf(pathname: string, connectionMinor: number): string | undefined {
    const path = Path.withoutLeadingSlash(pathname)
    if (path === "" || Path.isClimbing(path)) return undefined
    if (this.#grouping === "host" || this.isGiven) return path
    // Peers of 2.4 to 2.10 send the whole path; older ones have no session name to group by.
    if (connectionMinor < 4 || connectionMinor >= 11) return path
    return Path.regroupBySession(path, this.#identity.sessionName, this.#identity.creationTime)
  }

  /** The path to use in place of `path`. */
  find(directory: TraceDirectory, path: string): Effect.Effect<string, FileFailed> {
    if (this.isGiven) return Effect.succeed(path)
    const [own, rest] = splitStreamPath(path, this.#identity.hasChunks)
    const first = this.#numbers.get(own) ?? 0
    return Effect.gen({ self: this }, function* () {
      let number = first
      while (number < numberMax && (yield* directory.isTaken(withSuffix(own, number) + rest))) number++
      const place = withSuffix(own, number)
      if (number !== first) yield* this.#incidents.report("NAME_TAKEN", `${own}: recorded in ${place}`)
      this.#numbers.set(own, number)
      return place + rest
    })
  }

  /** A file was in the way at the place found last. */
  pass(path: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const [own] = splitStreamPath(path, this.#identity.hasChunks)
      const number = (this.#numbers.get(own) ?? 0) + 1
      this.#numbers.set(own, number)
      return this.#incidents.report("NAME_TAKEN", `${own}: recorded in ${withSuffix(own, number)}`)
    })
  }
}
