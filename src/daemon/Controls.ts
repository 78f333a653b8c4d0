/** What can be asked of the daemon while it runs, by signals and over the operator's port. */
import type { DaemonOptions } from "../config/DaemonOptions.ts"
import type { Log } from "./log/Logging.ts"
import type { LogOutput } from "./log/LogOutput.ts"

export interface Controls {
  readonly log: Log
  readonly output: LogOutput
  /** The directory where the daemon was started: relative paths in options start there. */
  readonly directory: string
  readonly args: ReadonlyArray<string>
  /** The options in force. */
  options: DaemonOptions
}
