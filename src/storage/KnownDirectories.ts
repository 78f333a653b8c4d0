/**
 * Which device a directory lies on, as far as known. A name in a directory of a prompt device is made in the caller's
 * turn: a thread has to wake for each of the dozen calls that a stream's files need, which costs ten times the calls.
 *
 * A directory that was just made lies on the device of the one it was made in; of one that was there only the system
 * can tell. What is known may be out of date: whoever opens a file in a directory sees where that lies, and says so.
 */
import { dirname, resolve } from "node:path"
import type { Device } from "./Promptness.ts"

/** Those that have been of use last. */
const countMax = 4096

export interface Way {
  /** The nearest directory above that is known; undefined: none is. */
  readonly device: Device | undefined
  /** What lies below that one, from the top. */
  readonly unknown: ReadonlyArray<string>
}

export class KnownDirectories {
  readonly #devices = new Map<string, Device>()

  /** Of the directory that `path` is a name in. */
  around(path: string): Device | undefined {
    return this.#devices.get(dirname(path))
  }

  /** From what is known to `directory`. */
  wayTo(directory: string): Way {
    const unknown: Array<string> = []
    for (let level = resolve(directory); ; level = dirname(level)) {
      const device = this.#devices.get(level)
      if (device !== undefined) return { device, unknown }
      unknown.unshift(level)
      if (level === "/") return { device, unknown }
    }
  }

  learn(directory: string, device: Device): void {
    this.#devices.delete(directory)
    this.#devices.set(directory, device)
    if (this.#devices.size <= countMax) return
    for (const [oldest] of this.#devices) {
      this.#devices.delete(oldest)
      return
    }
  }
}
