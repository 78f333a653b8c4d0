/** Whose a certificate is, or who has issued it: the runtime has one part a line. For people. */
export const inOneLine = (name: string | undefined): string => name?.replaceAll("\n", ", ") ?? ""

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const meaningful = /[\\,+\x00-\x1f\x7f]/g

const asDigits = (mark: string): string =>
  `\\${/[\\,+]/.test(mark) ? mark : mark.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`

/** A part as the runtime writes it: a control character as two digits, what has a meaning there as it is. */
export const escaped = (part: string): string => part.replaceAll(meaningful, asDigits)

/** The same of a name that is given by its parts, of which one may be there more than once. */
export const nameOf = (parts: object | undefined): string =>
  Object.entries(parts ?? {})
    .flatMap(([kind, values]) => [values].flat().map((value) => `${kind}=${escaped(String(value))}`))
    .join(", ")
