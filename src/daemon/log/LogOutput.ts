/**
 * Where log lines go: a file, or standard error, whatever that is. If nobody reads a pipe or a disk is full, lines are
 * lost, and nothing else; lines that come when the disk has space are written again.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs"
import { isatty } from "node:tty"
import * as SystemError from "../../errors/SystemError.ts"

const standardError = 2
const fileMode = 0o640
const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants
/** Without blocking: a named pipe is refused while nobody reads it, and never waited for. */
const fileFlags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK
/** Most bytes that wait for the reader of standard error; further lines are lost. */
export const unreadBytesMax = 256 * 1024

/** Whether standard error is written to directly: the runtime's stream is closed for good by the first error. */
const isDirect = (): boolean => {
  try {
    const stats = fstatSync(standardError)
    return stats.isFile() || (stats.isCharacterDevice() && !isatty(standardError))
  } catch {
    return false
  }
}

const writeDirectly = (descriptor: number, text: string): void => {
  try {
    writeSync(descriptor, text)
  } catch {
    // The line is lost: there is nobody to tell.
  }
}

const opened = (path: string): number => {
  try {
    return openSync(path, fileFlags, fileMode)
  } catch (cause) {
    throw new Error(`The log file ${path} cannot be opened: ${SystemError.reasonOf(cause)}`, { cause })
  }
}

/** Takes whole lines, with the newline. */
export interface LogOutput {
  readonly write: (text: string) => void
  /** Writes to this file from now on; undefined: to standard error. The same path opens it again. Throws a message. */
  readonly open: (path: string | undefined) => void
  /** As `open`, but in force only when `use` of the answer is called; throws the same. */
  readonly prepare: (path: string | undefined) => Prepared
}

export interface Prepared {
  readonly use: () => void
  readonly discard: () => void
}

export const make = (): LogOutput => {
  const direct = isDirect()
  if (!direct) process.stderr.on("error", () => undefined)
  let file: number | undefined
  const close = (descriptor: number | undefined) => {
    if (descriptor !== undefined) closeSync(descriptor)
  }
  const prepare = (path: string | undefined): Prepared => {
    const next = path === undefined ? undefined : opened(path)
    return {
      use: () => {
        close(file)
        file = next
      },
      discard: () => close(next)
    }
  }
  return {
    write: (text) => {
      if (file !== undefined) writeDirectly(file, text)
      else if (direct) writeDirectly(standardError, text)
      else if (process.stderr.writableLength < unreadBytesMax) process.stderr.write(text)
    },
    prepare,
    open: (path) => prepare(path).use()
  }
}
