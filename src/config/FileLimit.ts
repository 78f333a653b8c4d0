/** How many descriptors this process may have. */
import { readFileSync } from "node:fs"

/** The kernel's soft limit on open descriptors, which the runtime has raised to the hard one by now. */
export const fileLimit = (): number => {
  try {
    const line = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"))
    const soft = Number(line?.[1])
    return Number.isInteger(soft) ? soft : Number.MAX_SAFE_INTEGER
  } catch {
    return Number.MAX_SAFE_INTEGER
  }
}
