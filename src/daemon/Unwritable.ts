/** Whether files can be made at a path. */
import { accessSync, constants, type Stats, statSync } from "node:fs"
import { access, stat } from "node:fs/promises"
import { dirname } from "node:path"
import { reasonOf } from "../errors/SystemError.ts"

/** What is at the path; undefined: nothing; a text: why that cannot be told. */
export const look = (path: string): Stats | undefined | string => {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (cause) {
    return reasonOf(cause)
  }
}

/** The path, or its nearest parent that exists or cannot be looked at. */
export const existing = (path: string): string => {
  for (let at = path; ; at = dirname(at)) {
    if (look(at) !== undefined || at === "/" || at === ".") return at
  }
}

/** Why files cannot be made in the directory, which may have to be made itself; undefined: they can. */
export const unwritable = (path: string): string | undefined => {
  try {
    const there = existing(path)
    if (!statSync(there).isDirectory()) return `${there} is not a directory`
    accessSync(there, constants.W_OK | constants.X_OK)
    return undefined
  } catch (cause) {
    return reasonOf(cause)
  }
}

/** As `unwritable`, of a directory that need not be there, without waiting in this call: its disk may hang. */
export const unwritableLater = (path: string): Promise<string | undefined> =>
  stat(path).then(
    async (stats) => {
      if (!stats.isDirectory()) return `${path} is not a directory`
      return access(path, constants.W_OK | constants.X_OK).then(() => undefined, reasonOf)
    },
    () => undefined
  )
