/**
 * The INI files that the tracing daemons share: the entries of one section, in order.
 *
 * A library's object would lose order and repetition, and would strip the quotes this format keeps. Unlike the
 * reference, lines may have any length, and an indented line is a key of its own, not another value of the last key.
 */

export interface Entry {
  readonly key: string
  readonly value: string
}

/** The line without a comment at its end, which begins with white space and `;`. A `;` at the beginning begins none. */
const withoutComment = (text: string): string =>
  text
    .trim()
    .replace(/\s;.*$/, "")
    .trim()

/** The separator is the first `=`, or the first `:` of a line without `=`, so that URLs can be values. */
const toEntry = (line: string): Entry | undefined => {
  const head = withoutComment(line)
  const equals = head.indexOf("=")
  const separator = equals < 0 ? head.indexOf(":") : equals
  if (separator < 0) return undefined
  return { key: head.slice(0, separator).trim(), value: withoutComment(line.trim().slice(separator + 1)) }
}

export const entries = (text: string, section: string): ReadonlyArray<Entry> => {
  const found: Array<Entry> = []
  let current: string | undefined
  for (const raw of text.replace(/^\uFEFF/, "").split(/\r?\n/)) {
    if (/^\s*[;#]/.test(raw)) continue
    const header = /^\[([^\]]*)\]/.exec(withoutComment(raw))
    if (header !== null) {
      current = header[1]
      continue
    }
    const entry = current === section ? toEntry(raw) : undefined
    if (entry !== undefined) found.push(entry)
  }
  return found
}
