/** Why there is nothing to read at all. */
export class RecordingRefused extends Error {
  readonly _tag = "RecordingRefused"
  readonly path: string
  /** No trace is there at all. */
  readonly isMissing: boolean

  constructor(path: string, reason: string, isMissing = false) {
    super(`${path}: ${reason}`)
    this.name = "RecordingRefused"
    this.path = path
    this.isMissing = isMissing
  }
}
