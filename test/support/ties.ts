/** Lines of event records that several traces have at one time, as two versions of babeltrace2 order them. */
import { hostname } from "node:os"
import { stripVTControlCharacters } from "node:util"

const isOfTimeBefore = (head: string): boolean => /\+0+(\.0+)?(?![\d.])/.test(stripVTControlCharacters(head))

/**
 * Times and what passed since the line before, in their order; of lines of one time the rest in an order of its own:
 * version 2.0 has UIDs decide between traces where 2.1 has names (ctf.md §10).
 */
export const settled = (text: string): ReadonlyArray<string> => {
  const ties: Array<Array<readonly [head: string, rest: string]>> = []
  for (const line of text.split("\n")) {
    const at = line.indexOf(hostname())
    const cut = [line.slice(0, at), line.slice(at)] as const
    const before = isOfTimeBefore(cut[0]) ? ties.at(-1) : undefined
    if (before === undefined) ties.push([cut])
    else before.push(cut)
  }
  return ties.flatMap((lines) => {
    const rests = lines.map(([, rest]) => rest).sort()
    return lines.map(([head], at) => head + rests[at])
  })
}
