/** Which absolute paths lie below which. */
import { dirname } from "node:path"

/** Whether `path` is one of the directories or lies below one; quick also for many directories. */
export const isWithin = (path: string, directories: ReadonlySet<string>): boolean => {
  for (let at = path; ; at = dirname(at)) {
    if (directories.has(at)) return true
    if (at === dirname(at)) return false
  }
}
