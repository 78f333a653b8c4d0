/**
 * Where log lines go: a file, or standard error, whatever that is. If nobody reads a pipe or a disk is full, lines are
 * lost, and nothing else; lines that come when the disk has space are written again. A line that was cut off is ended
 * before the next one.
 */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs"
import { isatty } from "node:tty"
import * as SystemError from "../../errors/SystemError.ts"

const standardError = 2
const fileMode = 0o640
const newline = 10
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

/** What is written to as it is, without anything that waits. */
class Direct {
  readonly descriptor: number
  /** The last line that was written is not whole. */
  #isCut: boolean

  constructor(descriptor: number, isCut = false) {
    this.descriptor = descriptor
    this.#isCut = isCut
  }

  write(text: string): void {
    const bytes = Buffer.from(this.#isCut ? `\n${text}` : text)
    try {
      const count = writeSync(this.descriptor, bytes)
      if (count > 0) this.#isCut = bytes[count - 1] !== newline
    } catch {
      // The line is lost: there is nobody to tell.
    }
  }
}

/** Whether the file ends inside of a line: its disk was full, or its relay killed. */
const endsInside = (path: string): boolean => {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, constants.O_RDONLY | O_NONBLOCK)
    const { size } = fstatSync(descriptor)
    const last = Buffer.alloc(1)
    return size > 0 && readSync(descriptor, last, 0, 1, size - 1) === 1 && last[0] !== newline
  } catch {
    return false
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

const opened = (path: string): Direct => {
  try {
    const descriptor = openSync(path, fileFlags, fileMode)
    return new Direct(descriptor, fstatSync(descriptor).isFile() && endsInside(path))
  } catch (cause) {
    throw new Error(`The log file ${path} cannot be opened: ${SystemError.reasonOf(cause)}`, { cause })
  }
}

/** Takes whole lines, with the newline. */
export interface LogOutput {
  readonly write: (text: string) => void
  /** Writes to standard error, wherever lines go: for whoever has started the process, and looks there. */
  readonly writeToStandardError: (text: string) => void
  readonly isToFile: () => boolean
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
  const direct = isDirect() ? new Direct(standardError) : undefined
  if (direct === undefined) process.stderr.on("error", () => undefined)
  let file: Direct | undefined
  const close = (former: Direct | undefined) => {
    if (former !== undefined) closeSync(former.descriptor)
  }
  const writeToStandardError = (text: string): void => {
    if (direct !== undefined) direct.write(text)
    else if (process.stderr.writableLength < unreadBytesMax) process.stderr.write(text)
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
    write: (text) => (file === undefined ? writeToStandardError(text) : file.write(text)),
    writeToStandardError,
    isToFile: () => file !== undefined,
    prepare,
    open: (path) => prepare(path).use()
  }
}
