/** Files that options name. */
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs"

/** What is larger is another file than the one that was meant. */
const bytesMax = 16 * 1024 * 1024

const tooLarge = () => new Error(`it is larger than ${bytesMax} bytes`)

/** What has no size may have no end either: /dev/zero. */
const bytesOfPipe = (path: string): Buffer => {
  const descriptor = openSync(path, "r")
  try {
    const pieces: Array<Buffer> = []
    for (let total = 0; total <= bytesMax; ) {
      const piece = Buffer.alloc(64 * 1024)
      const count = readSync(descriptor, piece)
      if (count === 0) return Buffer.concat(pieces)
      pieces.push(piece.subarray(0, count))
      total += count
    }
    throw tooLarge()
  } finally {
    closeSync(descriptor)
  }
}

const readBefore = new Set<string>()

/**
 * The first time as the system gives it, be it a pipe (`<(…)`). Who reads again goes on meanwhile with what it has done
 * so far, and a pipe that nobody fills any more would keep it. Throws why it cannot be read.
 */
export const bytesOf = (path: string): Buffer => {
  const stats = statSync(path)
  if (stats.isFile() && stats.size > bytesMax) throw tooLarge()
  if (readBefore.has(path) && !stats.isFile() && !stats.isDirectory()) throw new Error("a pipe is read but once")
  readBefore.add(path)
  return stats.isFile() ? readFileSync(path) : bytesOfPipe(path)
}

/** Of UTF-8, without a mark that it is. */
export const textOf = (path: string): string =>
  bytesOf(path)
    .toString("utf8")
    .replace(/^\ufeff/, "")

const firstLine = (text: string): string => text.trim().split("\n", 1)[0]?.trim() ?? ""

/** What is wrong with the secret in a text; undefined: nothing. */
export const secretFault = (text: string): string | undefined => {
  const line = firstLine(text)
  if (line === "") return "is empty"
  return /^[\x20-\x7e]+$/.test(line) ? undefined : "has characters that no header carries: only ASCII can be asked for"
}

/** The first line that has something, without white space around it: somebody else must not know it. */
export const secretOf = (path: string): string => {
  const text = textOf(path)
  const fault = secretFault(text)
  if (fault !== undefined) throw new Error(`it ${fault}`)
  return firstLine(text)
}
