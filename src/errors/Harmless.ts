/** Makes text that contains names chosen by peers safe to print. */
import { printable } from "../protocol/Printable.ts"

/** Characters that move the cursor, end a line, or turn the writing direction. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const controls = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

const asJson = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

const escaped = (character: string): string => {
  const code = character.charCodeAt(0)
  return code > 0xff ? asJson(character) : `\\x${code.toString(16).padStart(2, "0")}`
}

/** The text such that nothing of it acts on a terminal, it is one line, and bytes that are no UTF-8 stay distinct. */
export const harmless = (text: string, shown: (character: string) => string = escaped): string =>
  printable(text.replaceAll(controls, shown))

/** JSON of the same value with those characters escaped: `JSON.stringify` leaves some of them as they are. */
export const harmlessJson = (json: string): string => harmless(json, asJson)

/** Joins the lines of a text into one. */
export const oneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, " ")
