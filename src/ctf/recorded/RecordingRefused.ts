/** A path or trace of which nothing can be read, and why. */
export class RecordingRefused extends Error {
  readonly _tag = "RecordingRefused"
  readonly path: string
  /** Nothing is there, as opposed to something that cannot be read. */
  readonly isMissing: boolean

  constructor(path: string, reason: string, isMissing = false) {
    super(`${path}: ${reason}`)
    this.name = "RecordingRefused"
    this.path = path
    this.isMissing = isMissing
  }
}
