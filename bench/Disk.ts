/**
 * Slow and stalling volumes, as one bindfs mount per host directory.
 *
 * A rate is bindfs's own limit on writes. A stall is SIGSTOP to its process: every system call on the mount then
 * hangs in the kernel, as on a dead NFS server, until SIGCONT. The release always continues before it unmounts.
 */

import * as fs from "node:fs"
import * as path from "node:path"
import { Effect, type Scope } from "effect"
import type * as Case from "./Case.ts"
import * as Process from "./Process.ts"

const mountLimitMs = 5_000

/** The reason slow disks cannot be made here, if there is one. */
export const missing = (): string | undefined => {
  if (!Process.has("bindfs")) return "bindfs is not installed"
  if (!fs.existsSync("/dev/fuse")) return "/dev/fuse does not exist"
  if (process.getuid?.() !== 0 && !Process.has("fusermount") && !Process.has("fusermount3")) {
    return "mounting needs root or fusermount"
  }
  return undefined
}

const isMounted = (folder: string) => fs.readFileSync("/proc/self/mountinfo", "utf8").includes(` ${folder} `)

const waitMounted = (running: Process.Running, folder: string) =>
  Effect.tryPromise({
    try: async () => {
      const until = Date.now() + mountLimitMs
      while (!isMounted(folder)) {
        if (running.child.exitCode !== null || Date.now() > until) throw new Error(running.complaint())
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    catch: (cause) => new Process.CannotRun({ reason: `cannot run: bindfs did not mount: ${cause}` })
  })

/** Mounts the host's directory below `output` over a directory of `backing`. */
export const mount = (
  disk: Case.Disk,
  output: string,
  backing: string
): Effect.Effect<Process.Running, Process.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    const from = path.join(backing, disk.host)
    const onto = path.join(output, disk.host)
    fs.mkdirSync(from, { recursive: true })
    fs.mkdirSync(onto, { recursive: true })
    const rate = disk.writeBytesPerSecond === undefined ? [] : [`--write-rate=${disk.writeBytesPerSecond}`]
    // In the foreground, so that the process to stop is our child.
    const running = yield* Process.spawn("bindfs", ["-f", ...rate, from, onto])
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        Effect.sync(() => running.child.kill("SIGCONT")),
        Process.run("umount", ["-l", onto])
      )
    )
    yield* waitMounted(running, onto)
    return running
  })

/** Stops and continues the mounts on schedule, counted from now, in the background. */
export const stallOnSchedule = (
  mounts: ReadonlyArray<readonly [Case.Disk, Process.Running]>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.forEach(
    mounts,
    ([disk, running]) => {
      if (disk.stallMs === undefined) return Effect.void
      const [from, to] = disk.stallMs
      return Effect.sleep(from).pipe(
        Effect.andThen(Effect.sync(() => running.child.kill("SIGSTOP"))),
        Effect.andThen(Effect.sleep(to - from)),
        Effect.andThen(Effect.sync(() => running.child.kill("SIGCONT"))),
        Effect.forkScoped({ startImmediately: true })
      )
    },
    { discard: true }
  )
