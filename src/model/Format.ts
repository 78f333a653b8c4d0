/**
 * Which version wrote what a relay or an edge leaves for the next one: a member `format` of its description, absent
 * where it is 1. It is raised only where versions that know less could not go on: they leave it as it is.
 */
import { Option, Schema } from "effect"

const known = 1

const decode = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ format: Schema.optionalKey(Schema.Finite) }))
)

/** A later version wrote the description, and this one cannot go on with what it is of. */
export class FormatLater extends Schema.TaggedError<FormatLater>()("FormatLater", { path: Schema.String }) {
  override get message(): string {
    return `${this.path}: a later version wrote it, and goes on with it`
  }
}

export const isLater = (description: string): boolean =>
  Option.exists(decode(description), ({ format = known }) => format > known)
