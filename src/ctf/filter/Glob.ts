/** Patterns for names: `*` is any text, `?` any one character, `\` takes the next one as it is. */

/** Only what a pattern of whole code points lets be escaped: a hyphen is not among it. */
const special = /[$()*+./?[\\\]^{|}]/g

/** Whether a text is one of the pattern, from its beginning to its end. */
export const matcher = (pattern: string): ((text: string) => boolean) => {
  const parts = pattern.match(/\\[\s\S]|[\s\S]/gu) ?? []
  const source = parts.map((part) => {
    if (part === "*") return "[\\s\\S]*"
    if (part === "?") return "[\\s\\S]"
    return (part.length > 1 && part.startsWith("\\") ? part.slice(1) : part).replace(special, "\\$&")
  })
  // Several stars in a row are one: more would only make the search slow.
  const regex = new RegExp(`^${source.join("").replace(/(?:\[\\s\\S\]\*)+/g, "[\\s\\S]*")}$`, "u")
  return (text) => regex.test(text)
}
