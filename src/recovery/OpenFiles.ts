/**
 * Which files below a directory some process of this machine has open for writing: a relay that records them. What
 * processes do that we may not see, or that run on another machine, is not known.
 */
import * as fs from "node:fs"
import { pathOf, textOf } from "../protocol/Text.ts"

/** The access mode in `flags` of /proc/PID/fdinfo, which are octal; 0 is for reading only. */
const accessMask = 3

/** Undefined if `act` throws: what it looks at may have gone, or not be ours to see. */
export const attempt = <A>(act: () => A): A | undefined => {
  try {
    return act()
  } catch {
    return undefined
  }
}

const isForWriting = (process: string, descriptor: string): boolean => {
  const info = attempt(() => fs.readFileSync(`/proc/${process}/fdinfo/${descriptor}`, "latin1"))
  const flags = /^flags:\s*([0-7]+)$/m.exec(info ?? "")?.[1]
  return flags !== undefined && (Number.parseInt(flags, 8) & accessMask) !== 0
}

/** Where a path leads. Only the native form takes bytes. */
export const realOf = (path: string): string => textOf(fs.realpathSync.native(pathOf(path), "buffer"))

/** Files below `root` that are open for writing, relative to it. */
export const writtenBelow = (root: string): ReadonlySet<string> => {
  const found = new Set<string>()
  const prefix = `${realOf(root)}/`
  for (const pid of attempt(() => fs.readdirSync("/proc")) ?? []) {
    if (!/^\d+$/.test(pid)) continue
    for (const descriptor of attempt(() => fs.readdirSync(`/proc/${pid}/fd`)) ?? []) {
      const target = attempt(() => textOf(fs.readlinkSync(`/proc/${pid}/fd/${descriptor}`, "buffer")))
      if (target?.startsWith(prefix) !== true || !isForWriting(pid, descriptor)) continue
      found.add(target.slice(prefix.length))
    }
  }
  return found
}
