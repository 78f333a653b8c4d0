/**
 * The relay that runs with the same output, and where it listens: another start with that output follows it, so that
 * neither is a fault of the options.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import * as Neighbours from "../Neighbours.ts"

export interface Predecessor {
  readonly pid: string
  /** None if it is not ours to look at. */
  readonly ports: ReadonlySet<number>
  readonly paths: ReadonlySet<string>
}

const linesOf = (table: string): ReadonlyArray<ReadonlyArray<string>> => {
  try {
    return readFileSync(`/proc/net/${table}`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
  } catch {
    return []
  }
}

/** Inodes of its sockets. */
const socketsOf = (pid: string): ReadonlySet<string> => {
  const directory = `/proc/${pid}/fd`
  const inodeOf = (name: string): ReadonlyArray<string> => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${directory}/${name}`))?.slice(1) ?? []
    } catch {
      return []
    }
  }
  try {
    return new Set(readdirSync(directory).flatMap(inodeOf))
  } catch {
    return new Set()
  }
}

/** As the kernel writes the state of a socket. */
const listening = "0A"

/** Undefined: there is none. */
export const find = async (output: string): Promise<Predecessor | undefined> => {
  const pid = await Neighbours.find(output)
  if (pid === undefined) return undefined
  const sockets = socketsOf(pid)
  const ports = ["tcp", "tcp6"].flatMap(linesOf).flatMap((words) => {
    const [local = "", state, inode = ""] = [words[1], words[3], words[9]]
    return state === listening && sockets.has(inode) ? [Number.parseInt(local.split(":")[1] ?? "", 16)] : []
  })
  const paths = linesOf("unix").flatMap(({ 6: inode = "", 7: path = "" }) => (sockets.has(inode) ? [path] : []))
  return { pid, ports: new Set(ports), paths: new Set(paths) }
}
