/** Lines of event records that several traces have at one time, as two versions of babeltrace2 order them. */
import { hostname } from "node:os"
import { stripVTControlCharacters } from "node:util"

const isOfTimeBefore = (head: string): boolean => /\+0+(\.0+)?(?![\d.])/.test(stripVTControlCharacters(head))

/** As lines begin: the host, and the application where it is known. Those of one are in their own order. */
const sourceOf = (rest: string): string => rest.split(/[ ,]/, 1)[0] ?? ""

const bySource = (a: string, b: string): number => {
  const [one, other] = [sourceOf(a), sourceOf(b)]
  return one < other ? -1 : one > other ? 1 : 0
}

/**
 * Times and what passed since the line before, in their order; lines of one time by the application: version 2.0 has
 * UIDs decide between traces where 2.1 has names (ctf.md §10).
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
    const rests = lines.map(([, rest]) => rest).sort(bySource)
    return lines.map(([head], at) => head + rests[at])
  })
}
