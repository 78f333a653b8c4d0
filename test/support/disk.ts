/** A disk with a file system of its own, and what is left of it after a power cut (`disk.py`). Needs root. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import * as Peers from "./peers.ts"
import * as Process from "./process.ts"
import * as Relays from "./relays.ts"

const python = "/usr/bin/python3"
const server = fileURLToPath(new URL("./disk.py", import.meta.url))

/** How they are made, without discarding blocks, and how what is left of them is mounted. */
export const types = {
  ext4: { make: ["-q", "-E", "nodiscard"], left: "noatime" },
  xfs: { make: ["-q", "-K"], left: "nouuid" },
  btrfs: { make: ["-q", "-K"], left: "noatime" }
} as const
export type Type = keyof typeof types

export interface Options {
  readonly type?: Type
  readonly bytes?: number
  /** Options of the mount. */
  readonly mount?: string
}

/** Why there can be none; undefined: there can. */
export const missing = (type: Type = "ext4"): string | undefined => {
  if (process.getuid?.() !== 0) return "needs root"
  if (!["/dev/fuse", "/dev/loop-control"].every(existsSync)) return "needs FUSE and loop devices"
  if (spawnSync(python, ["-c", "import fusepy"]).status !== 0) return "needs python3-fusepy"
  const program = [`mkfs.${type}`, "losetup", "fusermount3"].find((each) => Peers.find(each) === undefined)
  return program === undefined ? undefined : `needs ${program}`
}

/** Nothing of it touches the machine's own disk. */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const { bytes = 320 * 1024 * 1024, mount: how = "noatime", type = "ext4" } = options
  const home = yield* Relays.temporaryDirectory("disk", "/dev/shm")
  const [fuse, left, mount] = [join(home, "fuse"), join(home, "left"), join(home, "mount")]
  for (const directory of [fuse, left, mount]) mkdirSync(directory)
  yield* Effect.addFinalizer(() => Effect.ignore(Process.attempt("fusermount3", ["-u", "-z", fuse])))
  yield* Process.daemon(python, [server, fuse, `${bytes}`, left])
  yield* Process.until("the disk", () => existsSync(join(fuse, "disk")))
  const loop = yield* Effect.acquireRelease(
    Effect.map(Process.run("losetup", ["-f", "--show", join(fuse, "disk")]), ({ stdout }) => stdout.trim()),
    (device) => Effect.ignore(Process.attempt("losetup", ["-d", device]))
  )
  yield* Process.run(`mkfs.${type}`, [...types[type].make, loop])
  const mounted = (device: string, how: string) =>
    Effect.acquireRelease(Process.run("mount", ["-t", type, "-o", how, device, mount]), () =>
      Effect.ignore(Process.run("umount", ["-q", mount]))
    )
  yield* mounted(loop, how)
  let count = 0
  return {
    mount,
    /** What the power would leave now, as `becomes` takes it. */
    cut: (seed: number) =>
      Effect.suspend(() => {
        const name = `${++count}`
        return Effect.as(Process.run("mkdir", [join(fuse, `${name}-${seed}`)]), join(left, name))
      }),
    /** What was left is mounted in place of the disk, once nobody uses that. */
    becomes: (image: string) =>
      Effect.andThen(Process.run("umount", [mount]), mounted(image, `loop,${types[type].left}`))
  }
})

export type Disk = Effect.Success<ReturnType<typeof make>>
