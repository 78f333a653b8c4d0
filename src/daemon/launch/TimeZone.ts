/**
 * `TZ` as the C library reads it: a colon before it, or the path of a zone's file, which the runtime does not know.
 */
import { realpathSync } from "node:fs"

const nameOf = (path: string): string | undefined => {
  try {
    return /\/zoneinfo\/(?:posix\/|right\/)?(.+)$/.exec(realpathSync(path))?.[1]
  } catch {
    return undefined
  }
}

/** Undefined where the runtime finds the zone better by itself, from /etc/localtime. */
const settled = (text: string | undefined): string | undefined => {
  const zone = text?.replace(/^:/, "")
  return zone?.startsWith("/") ? nameOf(zone) : zone
}

/** Before any time is shown, and for all processes that this one becomes. */
export const settle = (): void => {
  const zone = settled(process.env.TZ)
  if (zone === process.env.TZ) return
  if (zone === undefined) delete process.env.TZ
  else process.env.TZ = zone
}
