/**
 * The terminal that a process was started in. When it is closed the system says so by SIGHUP, which ends what nobody
 * reads any more. The runtime undoes what `nohup` did about that; but `nohup` leaves no standard stream a terminal.
 */

/** Not imported: a built-in module's names are read one by one then, and what lies behind each of them is loaded. */
const { closeSync, fstatSync, openSync } = process.getBuiltinModule("node:fs")

/** A process has one until it is closed. */
export const isThere = (): boolean => {
  try {
    closeSync(openSync("/dev/tty", "r"))
    return true
  } catch {
    return false
  }
}

/** Of /dev/null and its like. */
const memoryMajor = 1

const isTerminal = (descriptor: number): boolean => {
  const found = fstatSync(descriptor)
  return found.isCharacterDevice() && ((found.rdev >> 8) & 0xfff) !== memoryMajor
}

/** A standard stream is one. Those that were closed the runtime has opened. */
export const isUsed = (): boolean => [0, 1, 2].some(isTerminal)
