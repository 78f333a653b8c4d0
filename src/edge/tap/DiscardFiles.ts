/**
 * Files that keep nothing: those of the relay that answers the tracer on an edge. What is written in them is in the
 * spool already, and nobody reads them.
 */
import { Effect } from "effect"
import { noDevice } from "../../storage/DeviceFigures.ts"
import { FileFailed, Files, type OpenFile } from "../../storage/Files.ts"

/** A name that the relay's file system would not take is refused here, so that the tracer hears of it. */
const nameBytesMax = 255

const named = <A>(operation: string, path: string, found: A): Effect.Effect<A, FileFailed> =>
  path.split("/").every((name) => Buffer.byteLength(name) <= nameBytesMax)
    ? Effect.succeed(found)
    : Effect.fail(new FileFailed({ operation, path, code: "ENAMETOOLONG" }))

const file: OpenFile = {
  device: noDevice,
  inode: 1,
  write: () => Effect.void,
  writeNow: (_bytes, from, to) => to - from,
  writeBeside: undefined,
  read: () => Effect.succeed(0),
  truncate: () => Effect.void,
  sync: Effect.void,
  close: Effect.void
}

export const service: Files["Service"] = Files.of({
  keepsNothing: true,
  open: (path) => named("open", path, file),
  makeDirectory: (path) => named("mkdir", path, undefined),
  rename: () => Effect.void,
  unlink: () => Effect.void,
  displace: () => Effect.void,
  removeDirectory: () => Effect.void,
  list: () => Effect.succeed([]),
  size: () => Effect.succeed(0),
  syncDirectory: () => Effect.void,
  resolve: (path) => Effect.succeed(path)
})
