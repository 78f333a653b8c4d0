/**
 * What the launcher hands to the process that serves: the checked options, in one environment variable.
 *
 * So options are read, names resolved and messages printed once, and the serving process can have its own name,
 * runtime flags and thread pool.
 */
import type { DaemonOptions } from "../../config/DaemonOptions.ts"
import type { Code } from "../../errors/Catalogue.ts"

export interface Handover {
  readonly options: DaemonOptions
  /** The directory where the launcher was started, at which relative paths in options start. */
  readonly directory: string
  /** The launcher's arguments: a new process cannot be given arguments that are not UTF-8. */
  readonly args: ReadonlyArray<string>
  /** Who started the launcher: the target of `--sig-parent`. */
  readonly parentPid: number
  /** The descriptor on which the launcher waits for `ready`; absent in the foreground. */
  readonly channel?: number | undefined
  /** True: a SIGHUP came when the options may have been read already. */
  readonly isHangupDue?: boolean
}

/** What scripts search for in the process list: the first argument, and the kernel's short name. */
export const processName = "lttng-relayd"

export const variable = "LTTNG_RELAYD_HANDOVER"

export const encode = (handover: Handover): string => JSON.stringify(handover)

/** Takes the hand-over out of the environment, so that no child inherits it. */
export const take = (): Handover | undefined => {
  const text = process.env[variable]
  if (text === undefined) return undefined
  delete process.env[variable]
  return JSON.parse(text) as Handover
}

/** The line that says the daemon is ready; any other text on the channel is why it failed. */
export const ready = "ready\n"

export interface Failure {
  /** The catalogue's code; absent: a fault of our own. */
  readonly code?: Code
  readonly text: string
}

export const encodeFailure = (failure: Failure): string => JSON.stringify(failure)

export const decodeFailure = (said: string): Failure => JSON.parse(said) as Failure
