/** The daemon cannot start, or go on. The message is the one line that an operator sees, with its catalogue code. */
import { Schema } from "effect"

const Code = Schema.Literals([
  "START_OUTPUT",
  "START_PORT",
  "START_FILE",
  "START_EXPORT",
  "START_OPTION",
  "LOG_FILE",
  "HEALTH_FAILED"
])

export class DaemonFailed extends Schema.TaggedError<DaemonFailed>()("DaemonFailed", {
  code: Code,
  message: Schema.String
}) {}
