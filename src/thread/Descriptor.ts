/** Writes bytes into a descriptor in the caller's turn, as the writer thread does beside it. */
import * as fs from "node:fs"

/** Answers how many bytes the system took now; 0 also if the descriptor is broken, which its owner finds out. */
export const writeNow = (descriptor: number, bytes: Uint8Array): number => {
  try {
    return fs.writeSync(descriptor, bytes)
  } catch {
    return 0
  }
}
