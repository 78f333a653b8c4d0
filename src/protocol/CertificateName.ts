/** A certificate's subject or issuer for people, in one line: the runtime has one part a line. */
export const inOneLine = (name: string | undefined): string => name?.replaceAll("\n", ", ") ?? ""

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const meaningful = /[\\,+\x00-\x1f\x7f]/g

const asDigits = (mark: string): string =>
  `\\${/[\\,+]/.test(mark) ? mark : mark.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`

/** A part as the runtime writes it: a backslash before special characters, and control characters as two digits. */
export const escaped = (part: string): string => part.replaceAll(meaningful, asDigits)

/** The name in one line that is given as an object of its parts, of which one may have several values. */
export const nameOf = (parts: object | undefined): string =>
  Object.entries(parts ?? {})
    .flatMap(([kind, values]) => [values].flat().map((value) => `${kind}=${escaped(String(value))}`))
    .join(", ")
