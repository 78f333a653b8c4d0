/** Why nothing can be read of a path. */
import type { Listed } from "./Moved.ts"

/** A path or trace of which nothing can be read, and why. */
export class RecordingRefused extends Error {
  readonly _tag = "RecordingRefused"
  readonly path: string
  /** Nothing is there, as opposed to something that cannot be read. */
  readonly isMissing: boolean
  /** What there was, as far as it was looked at. */
  readonly files: ReadonlyArray<Listed>
  /** What else was refused with it, if nothing of the recording can be read. */
  others: ReadonlyArray<RecordingRefused> = []

  constructor(path: string, reason: string, isMissing = false, files: ReadonlyArray<Listed> = []) {
    super(`${path}: ${reason}`)
    this.name = "RecordingRefused"
    this.path = path
    this.isMissing = isMissing
    this.files = files
  }
}
