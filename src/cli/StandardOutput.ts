/**
 * Bytes to standard output, and lines to standard error, at once: millions of lines are printed without being kept or
 * copied, and nothing is left to be written when the process ends.
 */
import { closeSync, openSync, writeSync } from "node:fs"
import { harmless } from "../errors/Harmless.ts"
import * as SystemError from "../errors/SystemError.ts"

export const descriptor = 1
const errorDescriptor = 2
export const standardOutput = "standard output"
/** A pipe that is full is tried again after so many milliseconds. */
const fullMillis = 1

/** Nobody reads any more. */
export class OutputClosed extends Error {
  readonly _tag = "OutputClosed"
}

const sleeper = new Int32Array(new SharedArrayBuffer(4))

const writeAll = (to: number, bytes: Uint8Array): void => {
  let at = 0
  while (at < bytes.length) {
    try {
      at += writeSync(to, bytes, at, bytes.length - at)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === "EPIPE") throw new OutputClosed()
      if (code !== "EAGAIN") throw cause
      Atomics.wait(sleeper, 0, 0, fullMillis)
    }
  }
}

/** Why nothing can be written there, as an error's message. */
export const failureText = (name: string, reason: string): string => `cannot write to ${name}: ${reason}`

const writing = <A>(name: string, act: () => A): A => {
  try {
    return act()
  } catch (cause) {
    if (cause instanceof OutputClosed) throw cause
    throw new Error(failureText(name, SystemError.reasonOf(cause)), { cause })
  }
}

/** Throws `OutputClosed`, or why nothing can be written. */
export const write = (bytes: Uint8Array): void => writing(standardOutput, () => writeAll(descriptor, bytes))

/** A file in place of standard output, emptied first. Throws why it cannot be opened or written. */
export const file = (path: string): { readonly write: (bytes: Uint8Array) => void; readonly close: () => void } => {
  const opened = writing(path, () => openSync(path, "w"))
  return { write: (bytes) => writing(path, () => writeAll(opened, bytes)), close: () => closeSync(opened) }
}

/** A line to standard error, which acts on no terminal whatever names are in it. Where nobody hears it, it is lost. */
export const warn = (line: string): void => {
  try {
    writeAll(errorDescriptor, Buffer.from(`${harmless(line)}\n`))
  } catch {
    // Standard error is closed, or on a disk that is full: there is nowhere to say so.
  }
}
