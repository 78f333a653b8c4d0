/**
 * A directory tree as a value that two runs can be compared by: one line per entry with its name, mode,
 * size and content.
 *
 * Small files show their bytes, so that a difference explains itself; larger ones a digest. Dates that lie
 * within a day of now come from a clock and are replaced by placeholders; any other date was chosen by the
 * test and must match exactly.
 */
import { createHash } from "node:crypto"
import { lstatSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const shownBytesMax = 400
const dayMillis = 24 * 3600 * 1000

const recent = (year: string, month: string, day: string, hour: string, minute: string, second: string) =>
  Math.abs(Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) - Date.now()) < dayMillis

const clockPattern = /(\d{4})(\d\d)(\d\d)(-|T)(\d\d)(\d\d)(\d\d)(\+0000)?/g

export const withoutClock = (text: string): string =>
  text.replace(clockPattern, (found, year, month, day, separator, hour, minute, second) =>
    recent(year, month, day, hour, minute, second) ? (separator === "T" ? "<chunk-time>" : "<datetime>") : found
  )

const content = (path: string): string => {
  const bytes = readFileSync(path)
  return bytes.length <= shownBytesMax
    ? bytes.toString("hex")
    : `sha256:${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}`
}

export interface Options {
  /** False leaves the bytes out: for traces whose content no second run repeats. */
  readonly contents?: boolean
}

export const read = (root: string, options: Options = {}): ReadonlyArray<string> => {
  const lines: Array<string> = []
  const visit = (directory: string, prefix: string) => {
    for (const name of readdirSync(directory).sort()) {
      const path = join(directory, name)
      const stat = lstatSync(path)
      const mode = (stat.mode & 0o7777).toString(8).padStart(4, "0")
      const shown = withoutClock(prefix + name)
      if (stat.isDirectory()) {
        lines.push(`${shown}/ ${mode}`)
        visit(path, `${prefix}${name}/`)
      } else {
        lines.push(`${shown} ${mode} ${stat.size}${options.contents === false ? "" : ` ${content(path)}`}`)
      }
    }
  }
  visit(root, "")
  return lines.sort()
}

/** Every file below, by path relative to the root. */
export const files = (root: string): ReadonlyArray<string> =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort()
