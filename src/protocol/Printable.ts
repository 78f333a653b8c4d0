/** How bytes of a name that are no UTF-8 are represented in its text (see `Text.ts`), and shown to people. */
export const escapeBase = 0xdc00
export const escapes = /[\udc80-\udcff]/gu

/** The text for people, and for formats that have no such bytes: they are shown as `\x80`. */
export const printable = (text: string): string =>
  text.isWellFormed()
    ? text
    : text.replace(escapes, (character) => `\\x${(character.charCodeAt(0) - escapeBase).toString(16)}`).toWellFormed()
