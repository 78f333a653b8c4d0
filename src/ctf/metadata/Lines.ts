/** Lines and columns of metadata, both from 1 on. */

/** Where a piece of text stands in the whole of it. */
export interface Start {
  readonly line: number
  readonly column: number
}

/** The place after a text that begins at the given one. */
export const advanced = ({ line, column }: Start, passed: string): Start => {
  let feeds = 0
  let last = -1
  for (let at = passed.indexOf("\n"); at !== -1; at = passed.indexOf("\n", at + 1)) {
    feeds++
    last = at
  }
  return feeds === 0 ? { line, column: column + passed.length } : { line: line + feeds, column: passed.length - last }
}
