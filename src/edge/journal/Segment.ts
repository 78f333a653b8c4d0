/** One file of a journal: whole records, one behind the other. */
import { Effect } from "effect"
import { clockMillis } from "../../Machine.ts"
import type { OpenFile } from "../../storage/Files.ts"

const suffix = ".journal"

/** The file's name. It has as many digits as the largest exact number, so that names sort as numbers. */
export const nameOf = (first: number): string => `${String(first).padStart(16, "0")}${suffix}`

/** The number of its first record; undefined: not a segment's name. */
export const firstOf = (name: string): number | undefined =>
  /^\d{16}\.journal$/.test(name) ? Number(name.slice(0, 16)) : undefined

export interface Segment {
  readonly first: number
  file: OpenFile
  byteCount: number
  /** The last record in it. */
  last: number
  /** ms of the edge's clock: a host without a battery may be years behind when it begins. */
  wroteAt: number
  /** All packets that may be dropped were dropped (`Thinning`). */
  isThin: boolean
  /** It is being rewritten. */
  isBusy: boolean
  /** How many read its file at the moment. */
  readCount: number
}

export const segmentOf = (first: number, file: OpenFile, last: number): Segment => ({
  first,
  file,
  byteCount: 0,
  last,
  wroteAt: clockMillis(),
  isThin: false,
  isBusy: false,
  readCount: 0
})

/** While `work` reads the file, no other takes its place. */
export const reading = <A, E>(segment: Segment, work: (file: OpenFile) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    segment.readCount++
    const read = Effect.sync(() => {
      segment.readCount--
    })
    return Effect.ensuring(work(segment.file), read)
  })
