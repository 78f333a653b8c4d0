/** One file of a journal: whole records, one behind the other. */
import { Effect } from "effect"
import { agoOf, clockMillis, wallMillis } from "../../Machine.ts"
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
  /** An earlier process wrote it, on a date that the clock has not reached: `wroteAt` is when it was found. */
  isAhead: boolean
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
  isAhead: false,
  isThin: false,
  isBusy: false,
  readCount: 0
})

/** Takes over when its file was written, if the clock is set and was set then. */
export const date = (segment: Segment): void => {
  const { modifiedMillis = 0 } = segment.file
  const ago = agoOf(modifiedMillis)
  segment.isAhead = ago === undefined && modifiedMillis > wallMillis()
  if (ago !== undefined) segment.wroteAt = clockMillis() - ago
}

/** While `work` reads the file, no other takes its place. */
export const reading = <A, E>(segment: Segment, work: (file: OpenFile) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    segment.readCount++
    const read = Effect.sync(() => {
      segment.readCount--
    })
    return Effect.ensuring(work(segment.file), read)
  })
