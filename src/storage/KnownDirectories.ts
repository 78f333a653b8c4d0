/**
 * Which device a directory lies on, as far as known. A name in a directory of a prompt device is made in the caller's
 * turn: a thread has to wake for each of the dozen calls that a stream's files need, which costs ten times the calls.
 *
 * A directory that was just made lies on the device of the one it was made in; for one that existed only the system
 * can tell. What is known may be out of date: whoever opens a file in a directory sees where that lies, and says so.
 */
import { dirname, resolve } from "node:path"
import type { Device } from "./Promptness.ts"

/** So many directories are remembered: those used last. A session has some eight, and 2,000 may rotate at once. */
const countMax = 32_768

export interface Way {
  /** Device of the nearest known directory, at or above the one asked for; undefined: none is known. */
  readonly device: Device | undefined
  /** The directories below that one, from the top, down to the one asked for. */
  readonly unknown: ReadonlyArray<string>
}

export class KnownDirectories {
  readonly #devices = new Map<string, Device>()

  /** Device of the directory that `path` is a name in; undefined: not known. */
  around(path: string): Device | undefined {
    return this.#devices.get(dirname(path))
  }

  /** The way from the nearest known directory down to `directory`. */
  wayTo(directory: string): Way {
    const unknown: Array<string> = []
    for (let level = resolve(directory); ; level = dirname(level)) {
      const device = this.#devices.get(level)
      if (device !== undefined) {
        // The one that all others are made in was learnt of first, and must not be forgotten for that.
        this.learn(level, device)
        return { device, unknown }
      }
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
