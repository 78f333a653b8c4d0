/** A start that cannot succeed. The message is the one line an operator sees. */
import { Schema } from "effect"

export class DaemonFailed extends Schema.TaggedError<DaemonFailed>()("DaemonFailed", { message: Schema.String }) {}
