/**
 * Members that a JSON text gives twice, of which a decoder keeps the last: a rule would not be there, or be another
 * one. Pure.
 */

/** In a text that is valid JSON: the first that is there twice in one object. */
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
