/** Tells by the names of event records which of them begin and end something on their thread. */

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

const word = new RegExp(`(?<=^|[_:.-])(?:${[...begins, ...ends].join("|")})(?=$|[_:.-])`, "gi")
/** In names of system calls the word follows this; after the word comes the call's own name (`exit_group`). */
const syscall = /^(?:compat_)?syscall_(?=(?:entry|exit)_)/

/** The last such word in the event's own name, not in its provider's: `front_end:request_begin`. */
const wordOf = (eventName: string): RegExpExecArray | undefined => {
  const words = [...eventName.matchAll(word)]
  if (syscall.test(eventName)) return words[0]
  const own = eventName.lastIndexOf(":") + 1
  return words.findLast(({ index }) => index >= own)
}

const without = (name: string, { 0: word, index }: RegExpExecArray): string =>
  `${name.slice(0, index)}${name.slice(index + word.length)}`
    .replace(/[_:.-]{2,}/g, (signs) => (signs.includes(":") ? ":" : signs.slice(0, 1)))
    .replace(/^[_.-]+|[_:.-]+$/g, "")

/** What an event record begins or ends; undefined: it stands alone. */
export const of = (eventName: string): SliceEnd | undefined => {
  // The kernel before LTTng 2.6: `sys_open` … `exit_syscall`, whichever call that was.
  if (eventName === "exit_syscall") return { phase: "end", name: "syscall" }
  if (/^(compat_)?sys_/.test(eventName)) return { phase: "begin", name: "syscall" }
  const found = wordOf(eventName)
  if (found === undefined) return undefined
  return { phase: begins.includes(found[0].toLowerCase()) ? "begin" : "end", name: without(eventName, found) }
}

/** What readers are shown of an event record: of an end only if it has no begin, whose label it would have. */
export const labelOf = (eventName: string, slice: SliceEnd | undefined): string =>
  slice?.phase !== "begin" || slice.name === "syscall" || slice.name === "" ? eventName : slice.name
