/**
 * Translates forms of `TZ` that the C library reads and the runtime does not: a colon in front, or a zone file's path.
 */
import { realpathSync } from "node:fs"

const nameOf = (path: string): string | undefined => {
  try {
    return /\/zoneinfo\/(?:posix\/|right\/)?(.+)$/.exec(realpathSync(path))?.[1]
  } catch {
    return undefined
  }
}

/** The zone's name; undefined: the runtime had better find the zone itself, from /etc/localtime. */
const settled = (text: string | undefined): string | undefined => {
  const zone = text?.replace(/^:/, "")
  return zone?.startsWith("/") ? nameOf(zone) : zone
}

/** Changes `TZ` for this process and those that it becomes; to be called before any time is shown. */
export const settle = (): void => {
  const zone = settled(process.env.TZ)
  if (zone === process.env.TZ) return
  if (zone === undefined) delete process.env.TZ
  else process.env.TZ = zone
}
