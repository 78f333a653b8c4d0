/**
 * The process's arguments and working directory, also where the runtime fails to tell them: arguments that are not
 * UTF-8, and a working directory that has been removed.
 */
import { readFileSync, readlinkSync } from "node:fs"
import { textOf } from "../protocol/Text.ts"

/** The arguments. The runtime puts U+FFFD for what is not UTF-8 in them; then they are read from the kernel. */
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

/** The working directory; if it has been removed, what the kernel calls it then: a path that leads nowhere. */
export const directory = (): string => {
  try {
    return process.cwd()
  } catch {
    return readlinkSync("/proc/self/cwd")
  }
}
