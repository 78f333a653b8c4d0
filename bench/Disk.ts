/**
 * Slow and stalling volumes: as one bindfs mount per host directory, or by slow files inside of our own relay.
 *
 * A rate is bindfs's own limit on writes. A stall is SIGSTOP to its process: every system call on the mount then
 * hangs in the kernel, as on a dead NFS server, until SIGCONT. The release always continues before it unmounts.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { Effect, Schedule, type Scope } from "effect"
import type * as Case from "./Case.ts"
import * as Process from "./Process.ts"
import type { Slow } from "./RelayProgram.ts"

export const ways = ["bindfs", "files"] as const
export type Way = (typeof ways)[number]

const mountLimitMs = 5_000

const canOpen = (file: string): boolean => {
  try {
    fs.accessSync(file, fs.constants.R_OK | fs.constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** The reason slow disks cannot be made this way, if there is one. */
export const missing = (disks: ReadonlyArray<Case.Disk>, way: Way): string | undefined => {
  if (way === "files") return undefined
  if (disks.some(({ latencyMs }) => latencyMs !== undefined)) return "bindfs has no latency: --disk-by files has"
  if (!Process.has("bindfs")) return "bindfs is not installed"
  if (!canOpen("/dev/fuse")) return "/dev/fuse cannot be opened"
  if (process.getuid?.() !== 0 && !Process.has("fusermount") && !Process.has("fusermount3")) {
    return "mounting needs root or fusermount"
  }
  return undefined
}

/** What our relay's slow files are told. */
export const asFiles = (disks: ReadonlyArray<Case.Disk>, output: string): ReadonlyArray<Slow> =>
  disks.map(({ host, latencyMs, stall, stallMs, writeBytesPerSecond }) => ({
    ...(host !== undefined && { path: `${path.join(output, host)}/` }),
    ...(writeBytesPerSecond !== undefined && { bytesPerSecond: writeBytesPerSecond }),
    ...(latencyMs !== undefined && { latencyMillis: latencyMs }),
    ...(stallMs !== undefined && { stallMillis: stallMs }),
    ...(stall !== undefined && { stall: { lastsMillis: stall.lastsMs, everyMillis: stall.everyMs } })
  }))

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

export interface Mount {
  readonly disk: Case.Disk
  readonly running: Process.Running
}

/** Mounts the host's directory below `output`, or all of it, over a directory of `backing`. */
export const mount = (
  disk: Case.Disk,
  output: string,
  backing: string
): Effect.Effect<Mount, Process.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    const from = path.join(backing, disk.host ?? "all")
    const onto = path.join(output, disk.host ?? ".")
    fs.mkdirSync(from, { recursive: true })
    fs.mkdirSync(onto, { recursive: true })
    const rate = disk.writeBytesPerSecond === undefined ? [] : [`--write-rate=${disk.writeBytesPerSecond}`]
    // In the foreground, so that the process to stop is our child.
    const running = yield* Process.spawn("bindfs", ["-f", ...rate, from, onto])
    const unmount = process.getuid?.() === 0 ? ["umount", "-l", onto] : ["fusermount", "-u", "-z", onto]
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        Effect.sync(() => running.child.kill("SIGCONT")),
        Process.run(unmount[0] as string, unmount.slice(1))
      )
    )
    yield* waitMounted(running, onto)
    return { disk, running }
  })

const stop = ({ running }: Mount, millis: number) =>
  Effect.sync(() => running.child.kill("SIGSTOP")).pipe(
    Effect.andThen(Effect.sleep(millis)),
    Effect.andThen(Effect.sync(() => running.child.kill("SIGCONT")))
  )

/** Stops and continues the mounts on schedule, counted from now, in the background. */
export const stallOnSchedule = (mounts: ReadonlyArray<Mount>): Effect.Effect<void, never, Scope.Scope> =>
  Effect.forEach(
    mounts,
    (mount) =>
      Effect.gen(function* () {
        const { stall, stallMs } = mount.disk
        if (stallMs !== undefined) {
          const [from, to] = stallMs
          yield* Effect.forkScoped(Effect.delay(stop(mount, to - from), from), { startImmediately: true })
        }
        if (stall === undefined) return
        const { everyMs, lastsMs } = stall
        const again = Effect.repeat(stop(mount, lastsMs), Schedule.fixed(everyMs))
        yield* Effect.forkScoped(Effect.delay(again, everyMs - lastsMs), { startImmediately: true })
      }),
    { discard: true }
  )

/** What is stopped hangs whoever waits for it. */
export const goOn = (mounts: ReadonlyArray<Mount>): void => {
  for (const { running } of mounts) running.child.kill("SIGCONT")
}
