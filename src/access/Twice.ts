/**
 * Finds members that a JSON object has twice, of which a decoder keeps the last only: a rule would silently be missing
 * or different. Pure.
 */

/** The first member that is twice in one object of `text`, which must be valid JSON; undefined: there is none. */
export const memberIn = (text: string): string | undefined => {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g) ?? []
  const objects: Array<Set<string>> = []
  for (const [index, token] of tokens.entries()) {
    if (token === "{" || token === "[") objects.push(new Set())
    else if (token === "}" || token === "]") objects.pop()
    else if (tokens[index + 1] === ":") {
      const name = JSON.parse(token) as string
      const names = objects.at(-1)
      if (names?.has(name) === true) return name
      names?.add(name)
    }
  }
  return undefined
}
