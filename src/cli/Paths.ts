/**
 * Arguments and flags that name files and directories: shells complete them as such. A value stays as it was given;
 * the library's own would be looked up on the disk, and made absolute.
 */
import { Effect, Option, Schema } from "effect"
import { type Argument, type Flag, Param, Primitive } from "effect/cli"
import * as SystemError from "../errors/SystemError.ts"

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

/** What a flag names cannot be read, or is no use. */
export class PathRefused extends Schema.TaggedError<PathRefused>()("PathRefused", {
  flag: Schema.String,
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `--${this.flag}=${this.path}: ${this.reason}`
  }
}

/** What `use` answers of what a flag names; `use` throws what is wrong with it. */
export const attempt = <A>(flag: string, path: string, use: (path: string) => A): Effect.Effect<A, PathRefused> =>
  Effect.try({
    try: () => use(path),
    catch: (cause) => new PathRefused({ flag, path, reason: SystemError.reasonOf(cause) })
  })

/** The same; undefined: the flag is not given. */
export const optional = <A>(
  flag: string,
  path: Option.Option<string>,
  use: (path: string) => A
): Effect.Effect<A | undefined, PathRefused> =>
  Option.isNone(path) ? Effect.succeed(undefined) : attempt(flag, path.value, use)
