/**
 * Arguments and flags that name files and directories: shells complete them as such. A value stays as it was given;
 * the library's own would be looked up on the disk, and made absolute.
 */
import { Effect } from "effect"
import { type Argument, type Flag, Param, Primitive } from "effect/cli"

const isUrl = (value: string): boolean => /^\w+:\/\//.test(value)

const primitive = (type: "file" | "directory"): Primitive.Primitive<string> =>
  Object.assign(Primitive.Path(type), {
    parse: (value: string) => (isUrl(value) ? Effect.fail(`a ${type}, not a URL`) : Effect.succeed(value))
  })

const named =
  <const Kind extends Param.ParamKind>(kind: Kind, type: "file" | "directory") =>
  (name: string) =>
    Param.makeSingle({ kind, name, primitiveType: primitive(type), typeName: type })

export const directoryArgument: (name: string) => Argument.Argument<string> = named(Param.argumentKind, "directory")

export const directoryFlag: (name: string) => Flag.Flag<string> = named(Param.flagKind, "directory")

export const fileFlag: (name: string) => Flag.Flag<string> = named(Param.flagKind, "file")
