/** The outcome of reading the options again while the relay runs. */
import { Schema } from "effect"

/** Names of the options that have other values now. Files that options name are read again in any case. */
export const Reloaded = Schema.Struct({ changed: Schema.Array(Schema.String) })
/** See the schema. */
export interface Reloaded extends Schema.Schema.Type<typeof Reloaded> {}

/** The options could not be put in force: everything is as it was. `reasons` are for the operator. */
export class ReloadRefused extends Schema.TaggedError<ReloadRefused>()(
  "ReloadRefused",
  { reasons: Schema.Array(Schema.String) },
  { httpApiStatus: 409 }
) {
  override get message(): string {
    return this.reasons.join("; ")
  }
}
