/** How bytes of a name that are no UTF-8 stand in its text (see `Text.ts`), and what people are shown of them. */
export const escapeBase = 0xdc00
export const escapes = /[\udc80-\udcff]/gu

/** For people, and for formats that have no such bytes: `\x80`. */
export const printable = (text: string): string =>
  text.isWellFormed()
    ? text
    : text.replace(escapes, (character) => `\\x${(character.charCodeAt(0) - escapeBase).toString(16)}`).toWellFormed()
