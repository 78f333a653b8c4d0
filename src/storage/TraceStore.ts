/**
 * Trace files below one output directory (storage.md §1). No path leads out of it, whoever named it. Symbolic links are
 * the operator's (peers cannot make any) and are followed, but for the last component of a file.
 */
import * as path from "node:path"
import { Context, Effect, Layer } from "effect"
import { counted } from "./CountedFiles.ts"
import { DeviceGate } from "./DeviceGate.ts"
import { FilePool } from "./FilePool.ts"
import { FileFailed, Files } from "./Files.ts"
import { Retraceable } from "./Retraceable.ts"
import { leaving, RoomWait } from "./RoomWait.ts"
import { TraceDirectory } from "./TraceDirectory.ts"

/** Where traces go, and how much of the system they may hold. */
export interface Options {
  /** Absolute path. Made, with its parents, when first needed. */
  readonly output: string
  /** Descriptors trace files may hold open together. */
  readonly openFileCountMax: number
  /** Operations in flight on one device. */
  readonly deviceOperationCountMax: number
  /** Renames are synced: once they are done they outlive the machine's power. */
  readonly syncsNames?: boolean
}

/** Trace directories below one output directory. */
export class TraceStore extends Context.Service<
  TraceStore,
  {
    /** Refers to a directory, relative to the output directory; `""` is the output directory. Does no I/O. */
    readonly directory: (relativePath: string) => TraceDirectory
    readonly pool: FilePool
    /** Absolute path of the output directory. */
    readonly output: string
    /** What all directories are made on: renames, while they are watched, can be undone. */
    readonly retraceable: Retraceable
    /** Operations on watched paths wait while the disk is full. */
    readonly roomWait: RoomWait
  }
>()("lttng-relay/TraceStore") {
  /** A store over any `Files`. */
  static readonly layerNoDeps = (options: Options) =>
    Layer.effect(
      TraceStore,
      Effect.gen(function* () {
        const pool = new FilePool(options.openFileCountMax, new DeviceGate(options.deviceOperationCountMax))
        const plain = yield* Files
        const retraceable = new Retraceable(plain)
        const roomWait = new RoomWait()
        const isWatched = (path: string) => retraceable.isWatched(path)
        // A session waits for a descriptor only once idle files have none to give.
        const files = roomWait.files(pool.files(counted(retraceable.service, pool.figures)), isWatched)
        const { keepsNothing = false } = plain
        const { syncsNames = false } = options
        const output = path.resolve(options.output)
        const mayWait = (relative: string) => isWatched(path.join(output, relative))
        const ground = { files, keepsNothing, pool, roomWait, mayWait, syncsNames, inside: insideOf(output) }
        return TraceStore.of({
          directory: (relativePath) => new TraceDirectory(ground, relativePath),
          pool,
          output,
          retraceable,
          roomWait
        })
      })
    )
}

/** The absolute path below `root`. A peer's path may end in a slash, but one place has one spelling. */
const insideOf = (root: string) => (relative: string) => {
  const at = path.join(root, relative).replace(/(?<=.)\/$/, "")
  if (at === root || at.startsWith(root === "/" ? root : `${root}/`)) return Effect.succeed(at)
  return Effect.fail(new FileFailed({ operation: leaving, path: at, code: "EPERM" }))
}
