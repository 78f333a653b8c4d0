/** Text with names that peers have chosen. */

/** What moves the cursor, ends a line, or turns the writing direction. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const controls = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Bytes of a name that are no UTF-8, as `protocol/Text` reads them: otherwise all of them look the same. */
const bytes = /[\udc80-\udcff]/gu
const byteBase = 0xdc00

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
const numbered = (character: string) => `\\x${(character.charCodeAt(0) - byteBase).toString(16)}`

/** Nothing of it acts on a terminal, and it stays one line. */
export const harmless = (text: string, shown: (character: string) => string = escaped): string =>
  text.replaceAll(controls, shown).replaceAll(bytes, numbered)
