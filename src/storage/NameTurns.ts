/**
 * Turns for operations on names, so that a disk that hangs does not hold all threads with them, either: for each name
 * that is made or looked at there one more would wait. They are not those of open files (`DeviceGate`): whoever makes a
 * session need not wait for all that is to be written.
 *
 * A disk that hangs does not say which names lie on it. So turns are by the device on which a file was opened last in
 * the same directory of the output directory's directories, `HOST/SESSION`. Where none was, a session is about to
 * begin, and they are by the first of the two names. What lies in the output directory itself, or in the relay's own
 * hidden directories, takes no turn: without that nothing is recorded.
 */
import * as path from "node:path"
import { Effect } from "effect"
import { DeviceGate } from "./DeviceGate.ts"
import { type FileFailed, Files } from "./Files.ts"

/** Operations in flight below a name of which no device is known. */
const unknownCountMax = 2

/** So many directories are remembered: those used last. */
const countMax = 32_768

export class NameTurns {
  readonly #root: string
  readonly #known: DeviceGate
  readonly #unknown = new DeviceGate(unknownCountMax)
  /** By path relative to the output directory. */
  readonly #devices = new Map<string, number>()

  /** `known`: the turns of what lies on one device. */
  constructor(output: string, known: DeviceGate) {
    this.#root = output.endsWith("/") ? output : `${output}/`
    this.#known = known
  }

  /** The first two names of the path below the output directory. Undefined: it takes no turn. */
  #placeOf(at: string): readonly [first: string, both: string] | undefined {
    if (!at.startsWith(this.#root)) return undefined
    const from = this.#root.length
    const end = at.indexOf("/", from)
    const first = end < 0 ? at.slice(from) : at.slice(from, end)
    if (first === "" || first.startsWith(".")) return undefined
    const next = end < 0 ? -1 : at.indexOf("/", end + 1)
    return [first, next < 0 ? at.slice(from) : at.slice(from, next)]
  }

  #run<A>(at: string, operation: Effect.Effect<A, FileFailed>): Effect.Effect<A, FileFailed> {
    return Effect.suspend(() => {
      const place = this.#placeOf(at)
      if (place === undefined) return operation
      const [first, both] = place
      const device = this.#devices.get(both)
      return device === undefined ? this.#unknown.run(first, operation) : this.#known.run(device, operation)
    })
  }

  #learn(at: string, device: number): void {
    const both = this.#placeOf(path.dirname(at))?.[1]
    if (both === undefined) return
    this.#devices.delete(both)
    this.#devices.set(both, device)
    if (this.#devices.size <= countMax) return
    for (const [oldest] of this.#devices) {
      this.#devices.delete(oldest)
      return
    }
  }

  files(files: Files["Service"]): Files["Service"] {
    const run = <A>(at: string, operation: Effect.Effect<A, FileFailed>) => this.#run(at, operation)
    return Files.of({
      ...files,
      open: (at, mode) =>
        Effect.map(
          run(
            at,
            Effect.suspend(() => files.open(at, mode))
          ),
          (file) => {
            this.#learn(at, file.device)
            return file
          }
        ),
      makeDirectory: (at) => run(at, files.makeDirectory(at)),
      rename: (from, to) => run(from, files.rename(from, to)),
      unlink: (at) => run(at, files.unlink(at)),
      displace: (at) => run(at, files.displace(at)),
      removeDirectory: (at) => run(at, files.removeDirectory(at)),
      list: (at) => run(at, files.list(at)),
      size: (at) => run(at, files.size(at)),
      syncDirectory: (at) => run(at, files.syncDirectory(at)),
      resolve: (at) => run(at, files.resolve(at))
    })
  }
}
