/** The system's codes for what failed. */

/** Linux's, which the runtime has no names for: it calls them `Unknown system error -122`. */
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

/** What a call that failed threw. */
export interface Thrown {
  readonly code?: string | undefined
  readonly errno?: number | undefined
}

/** Undefined: it was not the system that failed. */
export const codeOf = ({ code, errno = 0 }: Thrown): string | undefined =>
  code?.startsWith("Unknown system error") === true ? (names[Math.abs(errno)] ?? code) : code
