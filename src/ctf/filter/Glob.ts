/** Patterns for names: `*` is any text, `?` any one character, `\` takes the next one as it is. */

/** Only what a pattern of whole code points lets be escaped: a hyphen is not among it. */
const special = /[$()*+./?[\\\]^{|}]/g

/** Whether a text is one of the pattern, from its beginning to its end. */
export const matcher = (pattern: string): ((text: string) => boolean) => {
  const between = [""]
  for (const part of pattern.match(/\\[\s\S]|[\s\S]/gu) ?? []) {
    const literal = part.length > 1 && part.startsWith("\\") ? part.slice(1) : part
    if (part !== "*") between.push(between.pop() + (part === "?" ? "[\\s\\S]" : literal.replace(special, "\\$&")))
    // Several in a row are one.
    else if (between.length === 1 || between.at(-1) !== "") between.push("")
  }
  const [first, ...rest] = between
  const last = rest.pop()
  // Where it is found first is good for all that follow: no other place is tried, which would take for ever.
  const middle = rest.map((source, at) => `(?=([\\s\\S]*?${source}))\\${at + 1}`).join("")
  const regex = new RegExp(`^${first}${middle}${last === undefined ? "" : `[\\s\\S]*${last}`}$`, "u")
  return (text) => regex.test(text)
}
