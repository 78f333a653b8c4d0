/** What becomes of reading the options again while the relay runs. */
import { Schema } from "effect"

/** Options that have other values now. Files that options name, such as the token's, are read again in any case. */
export const Reloaded = Schema.Struct({ changed: Schema.Array(Schema.String) })
/** See the schema. */
export interface Reloaded extends Schema.Schema.Type<typeof Reloaded> {}

/** Everything is as it was. */
export class ReloadRefused extends Schema.TaggedError<ReloadRefused>()(
  "ReloadRefused",
  { reasons: Schema.Array(Schema.String) },
  { httpApiStatus: 409 }
) {
  override get message(): string {
    return this.reasons.join("; ")
  }
}
