/**
 * Command-line arguments to settings, with the habits of GNU `getopt_long`.
 *
 * `node:util` parseArgs knows neither abbreviated long names nor getopt's words for an error, and an abbreviation
 * cannot be expanded beforehand, since only the parser knows which words are arguments of an option. Operands are
 * ignored (with POSIXLY_CORRECT the first one ends the options), `--` ends the options, and the first malformed option
 * refuses the whole line.
 */
import { type Option, type OptionName, options } from "./Options.ts"

export interface Setting {
  readonly name: OptionName
  /** The argument; "" for a switch. */
  readonly value: string
}

export type Parsed =
  | { readonly _tag: "Settings"; readonly settings: ReadonlyArray<Setting> }
  /** `message` is what the daemon says: the first. `--check` says all, and goes on with the well-formed settings. */
  | {
      readonly _tag: "Malformed"
      readonly message: string
      readonly messages: ReadonlyArray<string>
      readonly settings: ReadonlyArray<Setting>
    }

type Row = Option & { readonly name: OptionName }

const byShort: ReadonlyMap<string, Row> = new Map(
  options.flatMap((option) => (option.short === undefined ? [] : [[option.short, option] as const]))
)

/** The option named `prefix`, else the only reference option with this prefix, else our own; or why there is none. */
const findLong = (prefix: string, word: string): Row | string => {
  const candidates = options.filter((option) => option.name.startsWith(prefix))
  const exact = candidates.find((option) => option.name === prefix)
  if (exact !== undefined) return exact
  const inReference = candidates.filter((option) => option.own !== true)
  const considered = inReference.length > 0 ? inReference : candidates
  const [first, ...others] = considered
  if (first === undefined) return `unrecognized option '${word}'`
  if (others.length === 0) return first
  const possibilities = considered.map((option) => `'--${option.name}'`).join(" ")
  return `option '${word}' is ambiguous; possibilities: ${possibilities}`
}

/** Parses a word that starts with `--`. Takes the next word from `rest` if the option needs one. */
const parseLong = (word: string, rest: Array<string>): Setting | string => {
  const equals = word.indexOf("=")
  const prefix = equals < 0 ? word.slice(2) : word.slice(2, equals)
  const option = findLong(prefix, word)
  if (typeof option === "string") return option
  const inline = equals < 0 ? undefined : word.slice(equals + 1)
  if (option.argument === undefined) {
    return inline === undefined
      ? { name: option.name, value: "" }
      : `option '--${option.name}' doesn't allow an argument`
  }
  const value = inline ?? rest.pop()
  return value === undefined ? `option '--${option.name}' requires an argument` : { name: option.name, value }
}

/** Parses a word of short options, such as `-vvsC`; takes the last one's argument from `rest` if needed. */
const parseCluster = (word: string, rest: Array<string>): Array<Setting> | string => {
  const settings: Array<Setting> = []
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at)
    const option = byShort.get(letter)
    if (option === undefined) return `invalid option -- '${letter}'`
    if (option.argument === undefined) {
      settings.push({ name: option.name, value: "" })
      continue
    }
    const value = at + 1 < word.length ? word.slice(at + 1) : rest.pop()
    if (value === undefined) return `option requires an argument -- '${letter}'`
    settings.push({ name: option.name, value })
    break
  }
  return settings
}

export const parse = (args: ReadonlyArray<string>, isPosix = false): Parsed => {
  const rest = args.toReversed()
  const settings: Array<Setting> = []
  const messages: Array<string> = []
  for (let word = rest.pop(); word !== undefined && word !== "--"; word = rest.pop()) {
    if (word.length < 2 || !word.startsWith("-")) {
      if (isPosix) break
      continue
    }
    const parsed = word.startsWith("--") ? parseLong(word, rest) : parseCluster(word, rest)
    if (typeof parsed === "string") messages.push(parsed)
    else for (const setting of Array.isArray(parsed) ? parsed : [parsed]) settings.push(setting)
  }
  const [message] = messages
  if (message !== undefined) return { _tag: "Malformed", message, messages, settings }
  return { _tag: "Settings", settings }
}
