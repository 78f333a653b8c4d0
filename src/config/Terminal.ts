/**
 * The terminal that a process was started in. When it is closed the system sends SIGHUP, which is to end what nobody
 * reads any more. The runtime undoes how `nohup` prevents that; but under `nohup` no standard stream is a terminal.
 */

/** Not imported: importing a built-in module reads each of its names, which loads what lies behind them. */
const { closeSync, fstatSync, openSync } = process.getBuiltinModule("node:fs")

/** Whether the process has a terminal that is not closed. */
export const isThere = (): boolean => {
  try {
    closeSync(openSync("/dev/tty", "r"))
    return true
  } catch {
    return false
  }
}

/** Major device number of /dev/null and the like. */
const memoryMajor = 1

const isTerminal = (descriptor: number): boolean => {
  const found = fstatSync(descriptor)
  return found.isCharacterDevice() && ((found.rdev >> 8) & 0xfff) !== memoryMajor
}

/** Whether a standard stream is a terminal. (The runtime has opened those that were closed.) */
export const isUsed = (): boolean => [0, 1, 2].some(isTerminal)
