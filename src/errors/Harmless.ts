/** Text with names that peers have chosen. */
import { printable } from "../protocol/Printable.ts"

/** What moves the cursor, ends a line, or turns the writing direction. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const controls = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

/** Nothing of it acts on a terminal, it stays one line, and bytes that are no UTF-8 do not all look the same. */
export const harmless = (text: string, shown: (character: string) => string = escaped): string =>
  printable(text.replaceAll(controls, shown))
