/** Bytes to standard output, at once: millions of lines are printed without being kept or copied. */
import { writeSync } from "node:fs"

export const descriptor = 1
/** A pipe that is full is tried again after so many milliseconds. */
const fullMillis = 1

/** Nobody reads any more. */
export class OutputClosed extends Error {
  readonly _tag = "OutputClosed"
}

const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** Throws `OutputClosed`, or why nothing can be written. */
export const write = (bytes: Uint8Array): void => {
  let at = 0
  while (at < bytes.length) {
    try {
      at += writeSync(descriptor, bytes, at, bytes.length - at)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === "EPIPE") throw new OutputClosed()
      if (code !== "EAGAIN") throw cause
      Atomics.wait(sleeper, 0, 0, fullMillis)
    }
  }
}
