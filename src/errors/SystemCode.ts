/** The system's names for error numbers (`ENOSPC`), also where the runtime has none. */

/** Linux's error numbers for which the runtime has no names: it calls them `Unknown system error -122`. */
const names: Readonly<Record<number, string>> = {
  35: "EDEADLK",
  37: "ENOLCK",
  74: "EBADMSG",
  116: "ESTALE",
  117: "EUCLEAN",
  122: "EDQUOT",
  123: "ENOMEDIUM",
  126: "ENOKEY",
  133: "EHWPOISON"
}

/** What a failed call has thrown. */
export interface Thrown {
  readonly code?: string | undefined
  readonly errno?: number | undefined
}

/** The system's name of the error; undefined: what was thrown has no code. */
export const codeOf = ({ code, errno = 0 }: Thrown): string | undefined =>
  code?.startsWith("Unknown system error") === true ? (names[Math.abs(errno)] ?? code) : code
