/** A device that traces are on, as others are told of it. */
import { Schema } from "effect"
import { DeviceFigures } from "../relay/Status.ts"

/** One device, now. */
export const Device = Schema.Struct({
  ...DeviceFigures.fields,
  /** Where it is mounted; `device NUMBER` where that is not known. */
  mountpoint: Schema.String,
  /** `ext4`, `tmpfs`, …; `?` where that is not known. */
  fileSystem: Schema.String,
  /** What is mounted. */
  source: Schema.String,
  /** The output directory lies on it. */
  isOutput: Schema.Boolean,
  /** For the relay's user. Absent: the file system does not say, or does not answer. */
  freeBytes: Schema.optionalKey(Schema.Int),
  /** Absent where files have no table of their own. */
  freeFileCount: Schema.optionalKey(Schema.Int),
  totalBytes: Schema.optionalKey(Schema.Int)
})
/** One device, now. */
export interface Device extends Schema.Schema.Type<typeof Device> {}
