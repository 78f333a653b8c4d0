/** `Files` whose failures are counted. */
import { Effect } from "effect"
import type { AllDeviceFigures } from "./DeviceFigures.ts"
import type { FileFailed, Files } from "./Files.ts"

/** Counts failed operations on names; those on an open file are counted by its owner. */
export const counted = (files: Files["Service"], figures: AllDeviceFigures): Files["Service"] => {
  const count = <A>(operation: Effect.Effect<A, FileFailed>) =>
    Effect.tapError(operation, ({ code }) => Effect.sync(() => figures.failed(code)))
  return {
    ...files,
    open: (at, mode) => count(files.open(at, mode)),
    makeDirectory: (at) => count(files.makeDirectory(at)),
    rename: (from, to) => count(files.rename(from, to)),
    unlink: (at) => count(files.unlink(at)),
    displace: (at) => count(files.displace(at)),
    syncDirectory: (at) => count(files.syncDirectory(at))
  }
}
