/**
 * Where the streams of one session go in its trace chunks. A directory with files of others is not touched: the
 * session's streams go to one with a suffix instead, all from then on, since they are one trace.
 */
import { posix } from "node:path"
import { Effect } from "effect"
import * as Path from "../../model/Path.ts"
import { splitStreamPath, suffixOf, withSuffix } from "../../model/Suffix.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { TraceDirectory } from "../../storage/TraceDirectory.ts"
import type { Identity } from "./Identity.ts"
import type { Surroundings } from "./Surroundings.ts"
import { TraceIds } from "./TraceIds.ts"

/** Suffixes that are tried; two sessions of one name in one second are rare already. */
const numberMax = 10_000

/** `path` as it is on disk; old peers double slashes. */
export const placeOf = (path: string): string => posix.normalize(path).replace(/\/+$/, "")

/** The suffix number that the stream had, while its journal's history is repeated. Undefined: it had none. */
const againOf = (
  places: ReadonlySet<string> | undefined,
  own: string,
  rest: string,
  first: number
): number | undefined => {
  if (places === undefined) return undefined
  // Nearly always so, and cheaper: there may be many places.
  if (places.has(placeOf(withSuffix(own, first) + rest))) return first
  for (const place of places) {
    const end = placeOf(`x${rest}`).slice(1)
    const number = place.endsWith(end) ? suffixOf(placeOf(own), place.slice(0, place.length - end.length)) : undefined
    if (number !== undefined && number >= first) return number
  }
  return undefined
}

interface Wanted {
  readonly pathname: string
  readonly channelName: string
  readonly connectionMinor: number
}

export class StreamPlaces {
  readonly #identity: Identity
  readonly #surroundings: Pick<Surroundings, "options" | "incidents" | "journals" | "nextTraceId">
  /** Suffix numbers, by the part of a path that the suffix goes to; only of paths that have one. */
  readonly #numbers = new Map<string, number>()
  readonly traceIds: TraceIds
  /** Streams of an abridged history are being made again: their paths are final, suffixes included. */
  isGiven = false

  constructor(
    identity: Identity,
    surroundings: Pick<Surroundings, "options" | "incidents" | "journals" | "nextTraceId">
  ) {
    this.#identity = identity
    this.#surroundings = surroundings
    this.traceIds = new TraceIds(surroundings.nextTraceId)
  }

  /** The paths that have a suffix, each with its number. */
  get numbers(): ReadonlyArray<readonly [path: string, number: number]> {
    return [...this.#numbers]
  }

  set numbers(numbers: ReadonlyArray<readonly [path: string, number: number]>) {
    this.#numbers.clear()
    for (const [path, number] of numbers) this.#numbers.set(path, number)
  }

  /**
   * The path of a stream, before any suffix. Undefined: it would lead out of the session's directory; or, without
   * chunks, where that is the output directory, to a hidden name, which is no host's.
   */
  pathOf({ channelName, connectionMinor, pathname }: Wanted): string | undefined {
    const path = Path.withoutLeadingSlash(pathname)
    if (path === "" || Path.isClimbing(path)) return undefined
    if (!this.#identity.hasChunks && Path.isHidden(`${path}/${channelName}`)) return undefined
    if (this.#surroundings.options.grouping === "host" || this.isGiven) return path
    // Peers of 2.4 to 2.10 send the whole path; older ones have no session name to group by.
    if (connectionMinor < 4 || connectionMinor >= 11) return path
    return Path.regroupBySession(path, this.#identity.sessionName, this.#identity.creationTime)
  }

  /** The path to use for `path`: with a suffix if files of others are there. */
  find(directory: TraceDirectory, path: string): Effect.Effect<string, FileFailed> {
    if (this.isGiven) return Effect.succeed(path)
    const [own, rest] = splitStreamPath(path, this.#identity.hasChunks)
    const first = this.#numbers.get(own) ?? 0
    const { hasChunks, id, outputPath } = this.#identity
    const journal = this.#surroundings.journals.ofSession(id)
    // With chunks that lies in the session's directory, and is the same in each chunk.
    const again = hasChunks ? undefined : againOf(journal?.places, own, rest, first)
    const begun = journal?.firsts.get(outputPath) ?? directory
    journal?.firsts.set(outputPath, begun)
    return Effect.gen({ self: this }, function* () {
      let number = again ?? first
      const isTaken = (place: string) => {
        if (again !== undefined) return Effect.succeed(false)
        if (!hasChunks) return directory.isTaken(place)
        const path = placeOf(`${directory.relativePath}/${place}`)
        // While its history is repeated, files of others are not seen.
        if (journal?.places?.has(path) === true) return Effect.succeed(true)
        return Effect.tap(directory.isTaken(place), (is) =>
          Effect.sync(() => {
            if (is && directory === begun) journal?.names(path)
          })
        )
      }
      while (number < numberMax && (yield* isTaken(withSuffix(own, number) + rest))) number++
      const place = withSuffix(own, number)
      if (number !== first) yield* this.#surroundings.incidents.report("NAME_TAKEN", `${own}: recorded in ${place}`)
      if (number > 0) this.#numbers.set(own, number)
      if (!hasChunks) journal?.records(placeOf(place + rest))
      return place + rest
    })
  }

  /** To be called when a file was in the way at the place found last: takes the next number. */
  pass(path: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const [own] = splitStreamPath(path, this.#identity.hasChunks)
      const number = (this.#numbers.get(own) ?? 0) + 1
      this.#numbers.set(own, number)
      return this.#surroundings.incidents.report("NAME_TAKEN", `${own}: recorded in ${withSuffix(own, number)}`)
    })
  }
}
