/** One file of a journal: whole records, one behind the other. */
import { clockMillis } from "../../Machine.ts"
import type { OpenFile } from "../../storage/Files.ts"

export interface Segment {
  readonly first: number
  readonly path: string
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

export const segmentOf = (first: number, path: string, file: OpenFile, last: number, byteCount = 0): Segment => ({
  first,
  path,
  file,
  byteCount,
  last,
  wroteAt: clockMillis(),
  isThin: false,
  isBusy: false
})
