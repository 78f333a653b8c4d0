/**
 * What the process was started with, where the runtime's own account of it fails: arguments that are not UTF-8, and a
 * working directory that has been removed.
 */
import { readFileSync, readlinkSync } from "node:fs"
import { textOf } from "../protocol/Text.ts"

/** The runtime reads arguments as UTF-8 and puts U+FFFD for what is none; the kernel still has the bytes. */
export const ofProcess = (): ReadonlyArray<string> => {
  const args = process.argv.slice(2)
  if (!args.some((text) => text.includes("\uFFFD"))) return args
  try {
    const bytes = readFileSync("/proc/self/cmdline")
    const words: Array<string> = []
    for (let from = 0, to = bytes.indexOf(0); to >= 0; from = to + 1, to = bytes.indexOf(0, from)) {
      words.push(textOf(bytes.subarray(from, to)))
    }
    return words.slice(words.length - args.length)
  } catch {
    return args
  }
}

/** Removed, it is what the kernel calls it then: a path that leads nowhere. */
export const directory = (): string => {
  try {
    return process.cwd()
  } catch {
    return readlinkSync("/proc/self/cwd")
  }
}
