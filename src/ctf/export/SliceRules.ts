/** Which event records begin and end something on their thread, told by their names. */

export interface SliceEnd {
  readonly phase: "begin" | "end"
  /** The same for a begin and its end. */
  readonly name: string
}

const pairs: ReadonlyArray<readonly [string, string]> = [
  ["entry", "exit"],
  ["enter", "exit"],
  ["enter", "leave"],
  ["begin", "end"],
  ["start", "end"],
  ["start", "stop"],
  ["start", "finish"],
  ["start", "done"],
  ["start", "complete"]
]
const begins = [...new Set(pairs.map(([begin]) => begin))]
const ends = [...new Set(pairs.map(([, end]) => end))]

const worded = (words: ReadonlyArray<string>) => new RegExp(`(?:^|(?<=[_:.-]))(${words.join("|")})(?=$|[_:.-])`, "i")
const beginWord = worded(begins)
const endWord = worded(ends)

const without = (name: string, word: RegExp): string =>
  name
    .replace(word, "")
    .replace(/[_:.-]{2,}/g, (signs) => (signs.includes(":") ? ":" : signs.slice(0, 1)))
    .replace(/^[_.-]+|[_:.-]+$/g, "")

/** Undefined for an event record that stands alone. */
export const of = (eventName: string): SliceEnd | undefined => {
  // The kernel before LTTng 2.6: `sys_open` … `exit_syscall`, whichever call that was.
  if (eventName === "exit_syscall") return { phase: "end", name: "syscall" }
  if (/^(compat_)?sys_/.test(eventName)) return { phase: "begin", name: "syscall" }
  if (beginWord.test(eventName)) return { phase: "begin", name: without(eventName, beginWord) }
  if (endWord.test(eventName)) return { phase: "end", name: without(eventName, endWord) }
  return undefined
}
