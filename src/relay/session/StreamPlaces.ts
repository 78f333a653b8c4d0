/**
 * Where the streams of one session go in its trace chunks. A stream's directory in which there are files of others
 * is not touched: it gets a suffix, for all the session's streams from then on, since they are one trace.
 */
import { Effect } from "effect"
import { splitStreamPath, withSuffix } from "../../model/Suffix.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { TraceDirectory } from "../../storage/TraceStore.ts"
import type { Incidents } from "../Incidents.ts"

/** Two sessions of one name in one second are many. */
const numberMax = 10_000

export class StreamPlaces {
  readonly #hasChunks: boolean
  readonly #incidents: Incidents
  /** By the part of a path that may be renamed. */
  readonly #numbers = new Map<string, number>()

  constructor(hasChunks: boolean, incidents: Incidents) {
    this.#hasChunks = hasChunks
    this.#incidents = incidents
  }

  /** The path to use in place of `path`. */
  find(directory: TraceDirectory, path: string): Effect.Effect<string, FileFailed> {
    const [own, rest] = splitStreamPath(path, this.#hasChunks)
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
      const [own] = splitStreamPath(path, this.#hasChunks)
      const number = (this.#numbers.get(own) ?? 0) + 1
      this.#numbers.set(own, number)
      return this.#incidents.report("NAME_TAKEN", `${own}: recorded in ${withSuffix(own, number)}`)
    })
  }
}
