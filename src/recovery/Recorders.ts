/**
 * Relays of this machine that may record in files that they do not have open: a relay with more files than it may have
 * open closes those used least recently, and opens them again. One that has never come near that bound has all of its
 * files open. Any other one, and one that we may not look into, may write all files that have changed since it began.
 */
import * as fs from "node:fs"
import { join, resolve } from "node:path"
import { pathOf, textOf } from "../protocol/Text.ts"
import { isWithin } from "../storage/Within.ts"
import { attempt } from "./OpenFiles.ts"

const relayName = "lttng-relayd"
/** Descriptors that a relay needs for other things than trace files. */
const reserve = 40
/** Unit of times in /proc/PID/stat. */
const ticksPerSecond = 100

const textIn = (pid: string, file: string): string =>
  attempt(() => textOf(fs.readFileSync(`/proc/${pid}/${file}`))) ?? ""

const numberIn = (text: string, pattern: RegExp): number | undefined => {
  const found = pattern.exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** The value of an option among the words of a command line: `--name=X`, `--name X`, `-n X` or `-nX`. */
const optionIn = (words: ReadonlyArray<string>, name: string, letter?: string): string | undefined => {
  for (const [at, word] of words.entries()) {
    if (word === `--${name}` || word === `-${letter}`) return words[at + 1]
    if (word.startsWith(`--${name}=`)) return word.slice(name.length + 3)
    if (letter !== undefined && word.startsWith(`-${letter}`)) return word.slice(2)
  }
  return undefined
}

/** The kernel's table of a process's descriptors never shrinks: its size is the most it had at once, rounded up. */
const hasAllOpen = (pid: string, words: ReadonlyArray<string>): boolean => {
  if (attempt(() => fs.readdirSync(`/proc/${pid}/fd`)) === undefined) return false
  const had = numberIn(textIn(pid, "status"), /^FDSize:\s*(\d+)$/m) ?? Number.POSITIVE_INFINITY
  const limit = numberIn(textIn(pid, "limits"), /^Max open files\s+(\d+)/m) ?? Number.POSITIVE_INFINITY
  return had < Math.min(limit, Number(optionIn(words, "fd-pool-size") ?? limit)) - reserve
}

/** The relay's output directory; undefined: its command line does not tell. */
const outputOf = (pid: string, words: ReadonlyArray<string>): string | undefined => {
  const output = optionIn(words, "output", "o")
  const directory = attempt(() => textOf(fs.readlinkSync(`/proc/${pid}/cwd`, "buffer")))
  if (output === undefined || directory === undefined) return undefined
  const path = resolve(directory, output)
  return attempt(() => textOf(fs.realpathSync.native(pathOf(path), "buffer"))) ?? path
}

const startedMillis = (pid: string): number => {
  const boot = numberIn(attempt(() => fs.readFileSync("/proc/stat", "latin1")) ?? "", /^btime (\d+)$/m) ?? 0
  // The name, which may have spaces, is in parentheses.
  const ticks = Number(
    textIn(pid, "stat")
      .replace(/^.*\) /s, "")
      .split(" ")[19]
  )
  return Number.isFinite(ticks) ? (boot + Math.floor(ticks / ticksPerSecond)) * 1000 : 0
}

interface Recorder {
  /** When it began; ms since the epoch. */
  readonly since: number
  /** Whose the files are that it makes; undefined: it has ended meanwhile. */
  readonly user: number | undefined
}

/** The relays that may record below `root`, an absolute path. */
const recordersOf = (root: string): ReadonlyArray<Recorder> => {
  const found: Array<Recorder> = []
  for (const pid of attempt(() => fs.readdirSync("/proc")) ?? []) {
    if (!/^\d+$/.test(pid) || textIn(pid, "comm").trim() !== relayName) continue
    const words = textIn(pid, "cmdline").split("\0")
    const output = outputOf(pid, words)
    const isElsewhere = output !== undefined && !isWithin(root, new Set([output])) && !isWithin(output, new Set([root]))
    if (isElsewhere || hasAllOpen(pid, words)) continue
    found.push({ since: startedMillis(pid), user: numberIn(textIn(pid, "status"), /^Uid:\s+\d+\s+(\d+)\s/m) })
  }
  return found
}

type Test = (stat: fs.Stats) => boolean

const changedBelow = (root: string, path: string, mayBe: Test, found: Set<string>): void => {
  for (const name of attempt(() => fs.readdirSync(pathOf(join(root, path)), "buffer")) ?? []) {
    const below = join(path, textOf(name))
    const stat = attempt(() => fs.lstatSync(pathOf(join(root, below))))
    if (stat?.isDirectory() === true) changedBelow(root, below, mayBe, found)
    else if (stat !== undefined && mayBe(stat)) found.add(below)
  }
}

/**
 * Files that one of these relays may write, relative to `root`, which is a path without symbolic links. `isOwn`: only
 * those of the relay's user, which are all but where a network file system gives them to another.
 */
export const maybeWrittenBelow = (root: string, isOwn = false): ReadonlySet<string> => {
  const recorders = recordersOf(root)
  const found = new Set<string>()
  const mayBe = ({ mtimeMs, uid }: fs.Stats) =>
    recorders.some(({ since, user }) => mtimeMs >= since && !(isOwn && user !== undefined && user !== uid))
  if (recorders.length > 0) changedBelow(root, "", mayBe, found)
  return found
}
