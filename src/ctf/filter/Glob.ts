/** Patterns for names: `*` is any text, `?` any one character, `\` takes the next one as it is. */

/** The only characters that may be escaped in a regular expression with the flag `u`; a hyphen may not. */
const special = /[$()*+./?[\\\]^{|}]/g

/** Makes the test whether a whole text matches the pattern. */
export const matcher = (pattern: string): ((text: string) => boolean) => {
  const between = [""]
  for (const part of pattern.match(/\\[\s\S]|[\s\S]/gu) ?? []) {
    const literal = part.length > 1 && part.startsWith("\\") ? part.slice(1) : part
    if (part !== "*") between.push(between.pop() + (part === "?" ? "[\\s\\S]" : literal.replace(special, "\\$&")))
    // Several `*` in a row are like one.
    else if (between.length === 1 || between.at(-1) !== "") between.push("")
  }
  const [first, ...rest] = between
  const last = rest.pop()
  // The first place where a part is found is as good as any for the rest: trying others too could take for ever.
  const middle = rest.map((source, at) => `(?=([\\s\\S]*?${source}))\\${at + 1}`).join("")
  const regex = new RegExp(`^${first}${middle}${last === undefined ? "" : `[\\s\\S]*${last}`}$`, "u")
  return (text) => regex.test(text)
}
