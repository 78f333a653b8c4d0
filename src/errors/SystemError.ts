/** Why the system refused something, in C's words, which operators and their scripts know. */
import { codeOf } from "./SystemCode.ts"

export const notDirectory = "Not a directory"

const words: Readonly<Record<string, string>> = {
  EACCES: "Permission denied",
  EAI_AGAIN: "Temporary failure in name resolution",
  EADDRINUSE: "Address already in use",
  EADDRNOTAVAIL: "Cannot assign requested address",
  EAFNOSUPPORT: "Address family not supported by protocol",
  EBUSY: "Device or resource busy",
  ECONNABORTED: "Software caused connection abort",
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EDQUOT: "Disk quota exceeded",
  EEXIST: "File exists",
  EFBIG: "File too large",
  EHOSTUNREACH: "No route to host",
  EINVAL: "Invalid argument",
  EIO: "Input/output error",
  EISDIR: "Is a directory",
  ELOOP: "Too many levels of symbolic links",
  EMFILE: "Too many open files",
  ENAMETOOLONG: "File name too long",
  ENFILE: "Too many open files in system",
  ENETUNREACH: "Network is unreachable",
  ENODEV: "No such device",
  ENOENT: "No such file or directory",
  ENOMEM: "Cannot allocate memory",
  ENOSPC: "No space left on device",
  ENOTDIR: notDirectory,
  ENOTEMPTY: "Directory not empty",
  ENOTFOUND: "Name or service not known",
  ENXIO: "No such device or address",
  EPERM: "Operation not permitted",
  EPIPE: "Broken pipe",
  EROFS: "Read-only file system",
  ESTALE: "Stale file handle",
  ETIMEDOUT: "Connection timed out"
}

/** The system's reason in C's words; for anything else that was thrown, its own message. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return words[codeOf(error as NodeJS.ErrnoException) ?? ""] ?? error.message
}

/** The working directory has been removed, and is asked for: something is relative to it. */
export const isOfDirectory = (error: unknown): boolean =>
  error instanceof Error && (error as NodeJS.ErrnoException).syscall === "uv_cwd"

/** The same for a line of its own: if the system refused something, its path comes first. */
export const messageOf = (error: unknown): string => {
  const { path, syscall } = (error instanceof Error ? error : {}) as NodeJS.ErrnoException
  if (isOfDirectory(error)) return `the working directory: ${reasonOf(error)}`
  if (syscall === undefined) return error instanceof Error ? error.message : String(error)
  return path ? `${path}: ${reasonOf(error)}` : reasonOf(error)
}
