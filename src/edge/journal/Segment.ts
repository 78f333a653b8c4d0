/** One file of a journal: whole records, one behind the other. */
import { clockMillis } from "../../Machine.ts"
import type { OpenFile } from "../../storage/Files.ts"

const suffix = ".journal"

/** In the directory of its journal. As long as the largest number that is exact: names are in order. */
export const nameOf = (first: number): string => `${String(first).padStart(16, "0")}${suffix}`

/** The number of its first record; undefined: it is no segment. */
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
  /** It has no packets any more that need not be there (`Thinning`). */
  isThin: boolean
  /** It is being changed. */
  isBusy: boolean
}

export const segmentOf = (first: number, file: OpenFile, last: number): Segment => ({
  first,
  file,
  byteCount: 0,
  last,
  wroteAt: clockMillis(),
  isThin: false,
  isBusy: false
})
