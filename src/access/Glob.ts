/** The text by characters, some of which take two elements of a string. */
const charactersOf = (text: string): string | ReadonlyArray<string> => (/[\ud800-\udfff]/.test(text) ? [...text] : text)

/** Whether a name fits a pattern: `*` is any text, `?` any one character. Takes at most the product of both lengths. */
export const matches = (pattern: string, text: string): boolean => matchesIn(charactersOf(pattern), charactersOf(text))

const matchesIn = (pattern: string | ReadonlyArray<string>, text: string | ReadonlyArray<string>): boolean => {
  let at = 0
  let textAt = 0
  let starAt = -1
  let starTextAt = 0
  while (textAt < text.length) {
    const wanted = pattern[at]
    if (wanted === "*") {
      starAt = at++
      starTextAt = textAt
    } else if (wanted === "?" || wanted === text[textAt]) {
      at++
      textAt++
    } else if (starAt >= 0) {
      at = starAt + 1
      textAt = ++starTextAt
    } else return false
  }
  while (pattern[at] === "*") at++
  return at === pattern.length
}
