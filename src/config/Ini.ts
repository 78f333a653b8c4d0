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

/** Comments stand on their own line (`;` or `#`) or behind white space and `;`. */
const withoutComment = (line: string): string => (/^\s*[;#]/.test(line) ? "" : line.replace(/\s;.*$/, "").trim())

/** The separator is the first `=`, or the first `:` of a line without `=`, so that URLs can be values. */
const toEntry = (line: string): Entry | undefined => {
  const equals = line.indexOf("=")
  const separator = equals < 0 ? line.indexOf(":") : equals
  if (separator < 0) return undefined
  return { key: line.slice(0, separator).trim(), value: line.slice(separator + 1).trim() }
}

export const entries = (text: string, section: string): ReadonlyArray<Entry> => {
  const found: Array<Entry> = []
  let current: string | undefined
  for (const raw of text.replace(/^\uFEFF/, "").split(/\r?\n/)) {
    const line = withoutComment(raw)
    const header = /^\[([^\]]*)\]/.exec(line)
    if (header !== null) {
      current = header[1]
      continue
    }
    const entry = current === section ? toEntry(line) : undefined
    if (entry !== undefined) found.push(entry)
  }
  return found
}
