/** What lies where, by absolute paths. */
import { dirname } from "node:path"

/** It is one of the directories, or lies below one: they may be many. */
export const isWithin = (path: string, directories: ReadonlySet<string>): boolean => {
  for (let at = path; ; at = dirname(at)) {
    if (directories.has(at)) return true
    if (at === dirname(at)) return false
  }
}
