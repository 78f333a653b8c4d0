/**
 * Options of a command as plain values: the command line's library makes flags of them (`Flags.ts`), and a command that
 * must start fast reads plain arguments by them without that library.
 */
import { parseArgs } from "node:util"

/** One option; it has a default, or may be given several times. */
export type Option = {
  readonly name: string
  /** One letter. */
  readonly short?: string
  readonly description: string
} & (
  | { readonly kind: "toggle" }
  | { readonly kind: "texts" }
  | { readonly kind: "text"; readonly default: string }
  | { readonly kind: "choice"; readonly choices: ReadonlyArray<string>; readonly default: string }
)

export type Options = Readonly<Record<string, Option>>

export const toggle = (name: string, description: string) => ({ kind: "toggle", name, description }) as const

/** What is given of an option, or its default. */
export type ValueOf<O extends Option> = O extends { readonly kind: "toggle" }
  ? boolean
  : O extends { readonly kind: "texts" }
    ? ReadonlyArray<string>
    : O extends { readonly choices: ReadonlyArray<infer Choice> }
      ? Choice
      : string

export type ValuesOf<O extends Options> = { readonly [Key in keyof O]: ValueOf<O[Key]> }

type Given = boolean | ReadonlyArray<string>

/** The value of an option; undefined: what is given is not plainly right. */
const settled = (option: Option, given: Given | undefined): boolean | string | ReadonlyArray<string> | undefined => {
  if (option.kind === "toggle") return given === true
  const texts = Array.isArray(given) ? (given as ReadonlyArray<string>) : []
  if (option.kind === "texts") return texts
  if (texts.length > 1) return undefined
  const text = texts[0] ?? option.default
  return option.kind === "choice" && !option.choices.includes(text) ? undefined : text
}

/**
 * Options and operands of arguments that are plainly right. Undefined: something is wrong, or an option is none of
 * these, as help is; the parser of the whole command line says what.
 */
export const parse = <O extends Options>(
  options: O,
  args: ReadonlyArray<string>
): { readonly values: ValuesOf<O>; readonly operands: ReadonlyArray<string> } | undefined => {
  const flags = Object.fromEntries(
    Object.values(options).map(({ kind, name, short }) => {
      const type = kind === "toggle" ? ("boolean" as const) : ("string" as const)
      return [name, { type, multiple: kind !== "toggle", ...(short !== undefined && { short }) }]
    })
  )
  try {
    const { positionals, tokens, values } = parseArgs({
      args: [...args],
      options: flags,
      allowPositionals: true,
      tokens: true
    })
    if (tokens.some(({ kind }) => kind === "option-terminator")) return undefined
    const given: Readonly<Record<string, unknown>> = values
    const entries = Object.entries(options).map(
      ([key, option]) => [key, settled(option, given[option.name] as Given | undefined)] as const
    )
    if (entries.some(([, value]) => value === undefined)) return undefined
    return { values: Object.fromEntries(entries) as unknown as ValuesOf<O>, operands: positionals }
  } catch {
    return undefined
  }
}
