/** The devices that traces are on: where they are mounted, their space, and the relay's operations on them. */
import { access, constants, readFile, realpath, stat, statfs } from "node:fs/promises"
import { dirname } from "node:path"
import { Effect } from "effect"
import { codeOf } from "../errors/SystemCode.ts"
import type { DeviceFigures, Devices as Figures, Micros } from "../relay/Status.ts"
import type { Device } from "./Device.ts"
import * as Mounts from "./Mounts.ts"
import { Patient } from "./Patient.ts"

/** Space of the file system that a directory is on. */
interface Space {
  readonly freeBytes: number
  readonly totalBytes: number
  /** Free inodes; absent: the file system has no table of them. */
  readonly freeFileCount?: number
}

/** The directory itself, or its nearest parent that exists, with its device: it may be made later. */
const nearest = async (directory: string): Promise<{ readonly path: string; readonly device: number }> => {
  try {
    const path = await realpath(directory)
    return { path, device: (await stat(path)).dev }
  } catch (cause) {
    if (directory === "/") throw cause
    return nearest(dirname(directory))
  }
}

/** The code with which the system refuses to make something in the directory; undefined: it does not refuse. */
const faultOf = async (directory: string): Promise<string | undefined> => {
  try {
    await access(directory, constants.W_OK | constants.X_OK)
    return undefined
  } catch (cause) {
    const code = codeOf(cause as NodeJS.ErrnoException) ?? "?"
    return code === "ENOENT" && directory !== "/" ? faultOf(dirname(directory)) : code
  }
}

const spaceOf = async (path: string): Promise<Space> => {
  const { bavail, blocks, bsize, ffree, files } = await statfs(path)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize, ...(files > 0 && { freeFileCount: ffree }) }
}

const none: Micros = { counts: [], sum: 0, count: 0 }

/** Figures of a device on which nothing was done yet. */
const untouched = (id: number): DeviceFigures => ({
  id,
  writtenBytes: { quick: 0, careful: 0 },
  bytesInFlight: 0,
  operationsInFlight: 0,
  operationsWaiting: 0,
  oldestMillis: 0,
  micros: { write: none, read: none, sync: none },
  errors: []
})

const added = (some: DeviceFigures["errors"], more: DeviceFigures["errors"]): DeviceFigures["errors"] => {
  const counts = new Map(some.map(({ code, count }) => [code, count]))
  for (const { code, count } of more) counts.set(code, (counts.get(code) ?? 0) + count)
  return Array.from(counts, ([code, count]) => ({ code, count }))
}

export class Devices {
  readonly #output: Patient<{ readonly path: string; readonly device: number }>
  readonly #fault: Patient<string | undefined>
  readonly #mounts = new Patient(async () => Mounts.parse(await readFile("/proc/self/mountinfo", "utf8")))
  readonly #spaces = new Map<string, Patient<Space>>()

  /** `output`: absolute path of the traces' directory, which need not exist yet. */
  constructor(output: string) {
    this.#output = new Patient(() => nearest(output))
    this.#fault = new Patient(() => faultOf(output))
  }

  /** The system's code if nothing can be made in the output directory: its device is gone, or may only be read. */
  get outputFault(): Effect.Effect<string | undefined> {
    return this.#fault.ask
  }

  #spaceOf(path: string): Effect.Effect<Space | undefined> {
    const asked = this.#spaces.get(path) ?? new Patient(() => spaceOf(path))
    this.#spaces.set(path, asked)
    return asked.ask
  }

  /** All devices, the output's first, which is among them before anything was written. */
  read({ devices, errors }: Figures): Effect.Effect<ReadonlyArray<Device>> {
    return Effect.gen({ self: this }, function* () {
      const output = yield* this.#output.ask
      const mounts = (yield* this.#mounts.ask) ?? []
      const known = new Map(devices.map((figures) => [figures.id, figures]))
      const ids = new Set([...(output === undefined ? [] : [output.device]), ...known.keys()])
      return yield* Effect.forEach(
        ids,
        (id) => {
          const isOutput = id === output?.device
          const figures = known.get(id) ?? untouched(id)
          const mount = Mounts.find(mounts, id, output?.path ?? "/", isOutput)
          const place = isOutput ? output.path : mount?.mountpoint
          const space = place === undefined ? Effect.succeed(undefined) : this.#spaceOf(place)
          return Effect.map(space, (found) => ({
            ...figures,
            // Operations that failed by a file's name failed below the output.
            errors: isOutput ? added(figures.errors, errors) : figures.errors,
            mountpoint: mount?.mountpoint ?? `device ${id}`,
            fileSystem: mount?.fileSystem ?? "?",
            source: mount?.source ?? "?",
            isOutput,
            ...found
          }))
        },
        { concurrency: "unbounded" }
      )
    })
  }
}
