/** A device that traces are on, as clients are told of it. */
import { Schema } from "effect"
import { DeviceFigures } from "../relay/Status.ts"

/** One device, as it is now. */
export const Device = Schema.Struct({
  ...DeviceFigures.fields,
  /** Path where it is mounted; `device NUMBER` if that is not known. */
  mountpoint: Schema.String,
  /** `ext4`, `tmpfs`, …; `?` if that is not known. */
  fileSystem: Schema.String,
  /** What is mounted: a device, a share, a name; `?` if that is not known. */
  source: Schema.String,
  /** True: the output directory is on it. */
  isOutput: Schema.Boolean,
  /** Bytes free for the relay's user; absent: the file system does not say, or does not answer. */
  freeBytes: Schema.optionalKey(Schema.Int),
  /** Free inodes; absent: the file system has no table of them. */
  freeFileCount: Schema.optionalKey(Schema.Int),
  totalBytes: Schema.optionalKey(Schema.Int)
})
/** One device, as it is now. */
export interface Device extends Schema.Schema.Type<typeof Device> {}
