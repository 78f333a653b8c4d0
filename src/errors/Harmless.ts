/** Text with names that peers have chosen. */
import { printable } from "../protocol/Printable.ts"

/** What moves the cursor, ends a line, or turns the writing direction. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const controls = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

const asJson = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

const escaped = (character: string): string => {
  const code = character.charCodeAt(0)
  return code > 0xff ? asJson(character) : `\\x${code.toString(16).padStart(2, "0")}`
}

/** Nothing of it acts on a terminal, it stays one line, and bytes that are no UTF-8 do not all look the same. */
export const harmless = (text: string, shown: (character: string) => string = escaped): string =>
  printable(text.replaceAll(controls, shown))

/** The same value: JSON leaves some of them as they are. */
export const harmlessJson = (json: string): string => harmless(json, asJson)

/** What has lines of its own, in one. */
export const oneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, " ")
