/**
 * Which names given by peers are used, and the directory of a session (storage.md §2). Pure; the store checks again
 * whether a path really stays below the output directory, symbolic links included.
 */
import { sessionTime } from "./Time.ts"

export type OutputGrouping = "host" | "session"

const pathBytesMax = 4096

const hasParentComponent = (path: string) => path.split("/").includes("..")

/** Session and host names are one path component that is not hidden (§2.6). */
export const isSafeName = (name: string): boolean =>
  name.length > 0 && !name.startsWith(".") && !name.includes("/") && !name.includes("\0")

/** A base path. Slashes at its beginning mean nothing: it always follows the host's name. */
export const isSafeBasePath = (path: string): boolean => !hasParentComponent(path)

/** Old peers write paths with a leading `/`. */
export const withoutLeadingSlash = (path: string): string => (path.startsWith("/") ? path.slice(1) : path)

export const isClimbing = hasParentComponent

/** Whether the first name of a path is hidden: no host's directory is, but those of the relay itself are. */
export const isHidden = (path: string): boolean => /^(\.?\/)*\.[^/]/.test(path)

/** A stream's directory, below its chunk: relative and not empty. */
export const isSafeStreamPath = (path: string): boolean =>
  path !== "" && !path.startsWith("/") && !path.includes("\0") && !hasParentComponent(path)

/** A channel name is a file name. (`.` passes, and fails to open.) */
export const isSafeChannelName = (name: string): boolean =>
  name !== "" && name !== ".." && !name.includes("/") && !name.includes("\0")

/** A trace chunk's override name is one component without dots. */
export const isSafeChunkName = (name: string): boolean =>
  name.length > 0 && Buffer.byteLength(name) < 255 && !/[/.\0]/.test(name)

export interface SessionNaming {
  readonly sessionName: string
  readonly hostname: string
  readonly basePath: string
  readonly nameContainsCreationTime: boolean
  /** Seconds since 1970. */
  readonly creationTime: bigint
}

/** The session's directory, relative to the output directory (§2.1, §2.2); undefined when it would be too long. */
export const sessionPath = (naming: SessionNaming, grouping: OutputGrouping): string | undefined => {
  const at = sessionTime(naming.creationTime)
  const { sessionName, hostname, basePath } = naming
  const path = (() => {
    if (grouping === "session") return `${sessionName}/${hostname}-${at}${basePath === "" ? "" : `/${basePath}`}`
    if (basePath !== "") return `${hostname}/${basePath}`
    return naming.nameContainsCreationTime ? `${hostname}/${sessionName}` : `${hostname}/${sessionName}-${at}`
  })()
  return Buffer.byteLength(path) < pathBytesMax ? path : undefined
}

/**
 * Names of sessions to which the directory may belong that a host's `path` leads into: its first name, and that without
 * the time which targets append to a session's name. None if `path` stays in the host's directory.
 */
export const sessionNamesOf = (path: string): ReadonlyArray<string> => {
  const directory = path.split("/").find((name) => name !== "" && name !== ".")
  return directory === undefined ? [] : [directory, directory.replace(timeSuffix, "")]
}

const timeSuffix = /-[12]\d{3}[01]\d[0-3]\d-[0-2]\d[0-5]\d[0-5]\d$/

/**
 * The stream path of a 2.4–2.10 peer, `host/session-time/…`, regrouped by session (§2.4); undefined when it does not
 * have these parts. `creationTime` is the relay's, in seconds.
 */
export const regroupBySession = (path: string, sessionName: string, creationTime: bigint): string | undefined => {
  const parts = /^\/*([^/]+)\/+([^/]+)(?:\/(.*))?$/s.exec(path)
  if (parts === null) return undefined
  const [, host, second, rest = ""] = parts as unknown as [string, string, string, string?]
  const isNamedSo = second.startsWith(sessionName)
  const leftover = isNamedSo ? second.slice(sessionName.length) : ""
  let base = isNamedSo ? "" : second
  let at: string | undefined
  if (leftover === "") at = timeSuffix.test(sessionName) ? sessionName.slice(-15) : sessionTime(creationTime)
  else if (leftover.length === 16 && timeSuffix.test(leftover)) at = leftover.slice(1)
  else base = second
  return `${sessionName}/${host}${at === undefined ? "" : `-${at}`}/${base === "" ? "" : `${base}/`}${rest}`
}
