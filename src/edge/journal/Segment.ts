/** One file of a journal: whole records, one behind the other. */
import { wallMillis } from "../../Machine.ts"
import type { OpenFile } from "../../storage/Files.ts"

export interface Segment {
  readonly first: number
  readonly path: string
  file: OpenFile
  byteCount: number
  /** The last record in it. */
  last: number
  /** ms since the epoch. */
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
  wroteAt: wallMillis(),
  isThin: false,
  isBusy: false
})
