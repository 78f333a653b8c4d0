/**
 * Where log lines go: standard error, whatever it is. A pipe that nobody reads and a disk that is full cost lines, and
 * nothing else; the disk gets the lines again that come when it has space.
 */
import { fstatSync, writeSync } from "node:fs"
import { isatty } from "node:tty"

const descriptor = 2

/** Written directly: the runtime's stream is closed for good by the first error. */
const isDirect = (): boolean => {
  try {
    const stats = fstatSync(descriptor)
    return stats.isFile() || (stats.isCharacterDevice() && !isatty(descriptor))
  } catch {
    return false
  }
}

const writeDirectly = (text: string): void => {
  try {
    writeSync(descriptor, text)
  } catch {
    // The line is lost: there is nobody to tell.
  }
}

/** Takes lines with their end. */
export const make = (): ((text: string) => void) => {
  if (isDirect()) return writeDirectly
  process.stderr.on("error", () => undefined)
  return (text) => void process.stderr.write(text)
}
