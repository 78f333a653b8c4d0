/**
 * Files on a slow disk: any `Files` with a rate, a latency and stalls, for all paths or some. For tests and benchmarks
 * of what a relay does on such a disk, without a disk, a mount or root.
 *
 *     const files = SlowFiles.layerDisk({ bytesPerSecond: 5e6, stall: { lastsMillis: 2000, everyMillis: 10_000 } })
 *     const relay = Relay.layerNoDeps({ ...RelayConfig.defaults, output }).pipe(Layer.provide(files))
 *
 * `FaultyFiles` are files that fail, or stall until they are told to go on.
 */
import { Clock, Duration, Effect, Layer } from "effect"
import * as DiskFiles from "../storage/DiskFiles.ts"
import { type FileFailed, Files, type OpenFile } from "../storage/Files.ts"
import { Pace, type Recurring, remaining } from "./Pace.ts"

export type { Recurring } from "./Pace.ts"

/** One slow disk. Several together are several disks: what waits for one does not wait for another. */
export interface Slowness {
  /** Rate of what is written and read, one operation after the other. Absent: as fast as the files below. */
  readonly bytesPerSecond?: number
  /** Every operation takes this much longer. Operations side by side wait side by side. */
  readonly latencyMillis?: number
  /** Operations wait for the end of a stall: it recurs from when the layer is built, or lasts so many ms from now. */
  readonly stall?: Recurring | (() => number)
  /** Which absolute paths lie on it; all when absent. */
  readonly isOn?: (path: string) => boolean
}

interface Disk {
  readonly slowness: Slowness
  readonly pace: Pace
  readonly start: number
  /** Told apart from the machine's devices, and from the other slow ones. */
  readonly device: number
}

const stalledMillis = (stall: Slowness["stall"], elapsed: number): number => {
  if (stall === undefined) return 0
  return typeof stall === "function" ? stall() : remaining(stall, elapsed)
}

const delay = ({ pace, slowness, start }: Disk, byteCount: number): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const through = pace.take(byteCount, now + stalledMillis(slowness.stall, now - start))
    return Effect.sleep(Duration.millis(through - now + (slowness.latencyMillis ?? 0)))
  })

const sizeOf = (buffers: ReadonlyArray<Uint8Array>): number => buffers.reduce((sum, { length }) => sum + length, 0)

/** An operation in flight cannot be recalled, however long it takes. */
const slowly = <A>(disk: Disk, byteCount: number, act: Effect.Effect<A, FileFailed>) =>
  Effect.uninterruptible(Effect.andThen(delay(disk, byteCount), act))

/** A slow file keeps its callers waiting, so it has no `writeNow` or `writeBeside`. */
const slowFile = (disk: Disk, file: OpenFile): OpenFile => ({
  device: disk.device,
  inode: file.inode,
  write: (buffers, position) => slowly(disk, sizeOf(buffers), file.write(buffers, position)),
  read: (into, position) => slowly(disk, into.length, file.read(into, position)),
  truncate: (size) => slowly(disk, 0, file.truncate(size)),
  sync: slowly(disk, 0, file.sync),
  close: file.close
})

/** `files`, of which some lie on slow disks: a path lies on the first disk of which `isOn` says so. */
export const make = (files: Files["Service"], ...slow: ReadonlyArray<Slowness>): Effect.Effect<Files["Service"]> =>
  Effect.map(Clock.currentTimeMillis, (start) => {
    const disks = slow.map((slowness, index): Disk => {
      return { slowness, start, pace: new Pace(slowness.bytesPerSecond), device: -1 - index }
    })
    const diskOf = (path: string) => disks.find(({ slowness: { isOn } }) => isOn === undefined || isOn(path))
    const on = <A>(path: string, act: Effect.Effect<A, FileFailed>) => {
      const disk = diskOf(path)
      return disk === undefined ? act : slowly(disk, 0, act)
    }
    return Files.of({
      open: (path, mode) => {
        const disk = diskOf(path)
        const open = files.open(path, mode)
        return disk === undefined ? open : Effect.map(slowly(disk, 0, open), (file) => slowFile(disk, file))
      },
      makeDirectory: (path) => on(path, files.makeDirectory(path)),
      rename: (from, to) => on(from, files.rename(from, to)),
      unlink: (path) => on(path, files.unlink(path)),
      displace: (path) => on(path, files.displace(path)),
      removeDirectory: (path) => on(path, files.removeDirectory(path)),
      list: (path) => on(path, files.list(path)),
      size: (path) => on(path, files.size(path)),
      syncDirectory: (path) => on(path, files.syncDirectory(path)),
      resolve: (path) => on(path, files.resolve(path))
    })
  })

/** Slow files around the `Files` that it is given. */
export const layer = (...slow: ReadonlyArray<Slowness>): Layer.Layer<Files, never, Files> =>
  Layer.effect(
    Files,
    Effect.flatMap(Files, (files) => make(files, ...slow))
  )

/** Slow files around those of this machine. */
export const layerDisk = (...slow: ReadonlyArray<Slowness>): Layer.Layer<Files> =>
  layer(...slow).pipe(Layer.provide(DiskFiles.layer))
