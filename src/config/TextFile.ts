/** Reads files that options name. */
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs"

/** A larger file cannot be the one that was meant. */
const bytesMax = 16 * 1024 * 1024

const tooLarge = () => new Error(`it is larger than ${bytesMax} bytes`)

/** Reads a file that has no size, up to the limit: it may have no end either, as /dev/zero. */
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
 * Reads a file, the first time also a pipe (`<(…)`). A pipe is not read again: nobody might fill it any more, and the
 * process, which is running by then, would wait for ever. Throws why the file cannot be read.
 */
export const bytesOf = (path: string): Buffer => {
  const stats = statSync(path)
  if (stats.isFile() && stats.size > bytesMax) throw tooLarge()
  if (readBefore.has(path) && !stats.isFile() && !stats.isDirectory()) throw new Error("a pipe is read but once")
  readBefore.add(path)
  return stats.isFile() ? readFileSync(path) : bytesOfPipe(path)
}

/** The file's text, as UTF-8 without a byte order mark. */
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

/** The secret in a file: its first line with text, without white space around it. Throws if it is no use. */
export const secretOf = (path: string): string => {
  const text = textOf(path)
  const fault = secretFault(text)
  if (fault !== undefined) throw new Error(`it ${fault}`)
  return firstLine(text)
}
