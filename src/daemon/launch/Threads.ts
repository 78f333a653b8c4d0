/**
 * The runtime makes the threads for files all at once, and ends without a word if it gets one too few: so fewer are
 * asked for, or the start is refused.
 */
import { daemonDefaults } from "../../config/DaemonOptions.ts"
import type { Message } from "../../config/Resolve.ts"

/** Threads beside those for files: for writing, the HTTP port, the kernel's own for a ring, a child that notifies. */
const reserve = 12
/** The least threads for files: with fewer one stalled disk would hold up all others. */
const least = 4

export interface Grant {
  readonly count: number
  readonly complaint?: Message
}

/** How many of the `asked` threads for files there can be if the system lets the process have `left` more. */
export const grant = (asked: number, left: number): Grant => {
  const count = left - reserve
  if (asked <= count) return { count: asked }
  const limit = "(ulimit -u, or pids.max of its control group)"
  const why = `The system lets the relay have ${Math.max(0, left)} more threads ${limit}`
  if (count >= least)
    return { count, complaint: { level: "warning", text: `${why}: ${count} are for files, not ${asked}` } }
  return { count: least, complaint: { level: "error", text: `${why}: it needs ${reserve + least}` } }
}

const variable = "UV_THREADPOOL_SIZE"

/** Bounds this process's threads for files, before the runtime makes any; answers what is granted if no option asks. */
export const settle = (env: NodeJS.ProcessEnv, left: number): Grant => {
  const granted = grant(Number.parseInt(env[variable] ?? "", 10) || daemonDefaults.ioThreads, left)
  if (granted.complaint !== undefined) env[variable] = String(granted.count)
  return granted
}
