/** Bytes written into a descriptor in the caller's turn, as the writer thread does beside it; and which are free. */
import * as fs from "node:fs"

/** Answers how many bytes the system took now; 0 also if the descriptor is broken, which its owner finds out. */
export const writeNow = (descriptor: number, bytes: Uint8Array): number => {
  try {
    return fs.writeSync(descriptor, bytes)
  } catch {
    return 0
  }
}

/** The number of a descriptor that is free, or the error that none is. Any other error says nothing: undefined. */
export const free = (): number | Error | undefined => {
  try {
    const descriptor = fs.openSync("/dev/null", "r")
    fs.closeSync(descriptor)
    return descriptor
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    return code === "EMFILE" || code === "ENFILE" ? (cause as Error) : undefined
  }
}

/** How many are taken, that by which they are counted included; 0: the system does not say. */
export const takenCount = (): number => {
  try {
    return fs.readdirSync("/proc/self/fd").length
  } catch {
    return 0
  }
}
