/** Flags of the command line's library: of values in the notations of `lttng`, and made of plain options. */
import { type Command, Flag } from "effect/cli"
import * as SystemError from "../errors/SystemError.ts"
import type { Option, Options, ValueOf } from "./Options.ts"
import { parseDuration, parseSize, parseTimer } from "./Values.ts"

/** A flag without a value. */
export const toggle = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDefault(false), Flag.withDescription(description))

export const duration = (name: string) => Flag.String(name).pipe(Flag.mapTryCatch(parseDuration, SystemError.messageOf))

/** A session's live timer, in the notation of `lttng create --live`. */
export const timer = (name: string) => Flag.String(name).pipe(Flag.mapTryCatch(parseTimer, SystemError.messageOf))

/** A number of bytes. */
export const size = (name: string) => Flag.String(name).pipe(Flag.mapTryCatch(parseSize, SystemError.messageOf))

const longOf = (option: Option) => {
  const { description, name } = option
  switch (option.kind) {
    case "toggle":
      return toggle(name, description)
    case "texts":
      return Flag.String(name).pipe(Flag.atLeast(0), Flag.withDescription(description))
    case "text":
      return Flag.String(name).pipe(Flag.withDefault(option.default), Flag.withDescription(description))
    case "choice":
      return Flag.Literals(name, option.choices).pipe(
        Flag.withDefault(option.default),
        Flag.withDescription(description)
      )
  }
}

const flagOf = (option: Option) => {
  const { short } = option
  const flag: Flag.Flag<unknown> = longOf(option)
  return short === undefined ? flag : flag.pipe(Flag.withAlias(short))
}

/** What a command is given by its flags and arguments. */
export type Given<Config extends Command.Command.Config> = Command.Command.Config.Infer<Config>

/** Flags of plain options, under the same keys. */
export const of = <O extends Options>(options: O): { readonly [Key in keyof O]: Flag.Flag<ValueOf<O[Key]>> } =>
  Object.fromEntries(Object.entries(options).map(([key, option]) => [key, flagOf(option)])) as never
