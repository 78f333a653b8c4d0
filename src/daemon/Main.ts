/**
 * The serving process: signals, standard input, the relay's life, the exit status.
 *
 * SIGTERM and SIGINT stop in order and exit 0, within the stop timeout; a second one ends the process at once. A
 * start that fails exits 1 with one line. SIGHUP reads the options again, unless it says that the terminal is gone,
 * which stops but under nohup; SIGUSR2 opens the log file again.
 */
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs"
import { Cause, Effect, Exit, Layer } from "effect"
import type { DaemonOptions, LogFormat } from "../config/DaemonOptions.ts"
import * as ExportVariables from "../config/ExportVariables.ts"
import { packageVersion } from "../config/PackageVersion.ts"
import type { Code } from "../errors/Catalogue.ts"
import { Counts } from "../errors/Report.ts"
import * as SystemError from "../errors/SystemError.ts"
import { setTimeout } from "../Machine.ts"
import type { Controls } from "./Controls.ts"
import { DaemonFailed } from "./DaemonFailed.ts"
import * as Handover from "./launch/Handover.ts"
import * as Logging from "./log/Logging.ts"
import * as LogLine from "./log/LogLine.ts"
import * as LogOutput from "./log/LogOutput.ts"
import * as Notify from "./Notify.ts"
import * as OwnFiles from "./OwnFiles.ts"
import * as Serve from "./Serve.ts"
import * as StopSignals from "./StopSignals.ts"

const standardInput = 0
const stopped = 0
const failed = 1
/** How long closing files may take after the relay has used its whole stop timeout. */
const closeMillisMax = 1000

/** Replaces standard input by /dev/null: nobody may feed the daemon, and a file opened as 0 would be inherited. */
const detachInput = (): void => {
  closeSync(standardInput)
  openSync("/dev/null", "r")
}

/** Sets the name for `pgrep` and `killall`; `process.title` would overwrite the arguments, which `ps` should show. */
const takeName = (): void => {
  try {
    writeFileSync("/proc/self/comm", Handover.processName)
  } catch {
    // Only a convenience; the first argument is what matters.
  }
}

/** Sends the launcher a text, if it waits for one. It may be gone: the daemon runs all the same. */
const tellLauncher = (handover: Handover.Handover, text: string): void => {
  if (handover.channel === undefined) return
  try {
    writeSync(handover.channel, text)
    closeSync(handover.channel)
  } catch {
    // Nobody listens any more.
  }
}

const signalParent = (handover: Handover.Handover): void => {
  if (!handover.options.sigParent) return
  try {
    process.kill(handover.parentPid, "SIGUSR1")
  } catch {
    // The parent is gone or not ours to signal; the reference ignores it too.
  }
}

/** Closes an inspector that a SIGUSR1 before the entry listened for it has started: it runs code for anybody. */
const endInspector = (): void => {
  const isWanted = process.execArgv.some((flag) => flag.startsWith("--inspect"))
  if (!isWanted) process.getBuiltinModule("node:inspector").close()
}

/** The text that explains a failure, and its code; a fault of our own has none. */
const failureOf = (cause: Cause.Cause<DaemonFailed>): Handover.Failure => {
  const [reason] = cause.reasons
  if (reason?._tag === "Fail") return { code: reason.error.code, text: reason.error.message }
  return { text: Cause.pretty(cause) }
}

/** The loggers: that of the daemon, and one to a collector if the environment names one. */
const logging = (log: Logging.Log): Layer.Layer<never> => {
  // The start says what is wrong with the variables.
  const { complaints, isExportAsked } = ExportVariables
  if (!isExportAsked(process.env) || complaints(process.env).length > 0) return log.layer
  const exported = Effect.map(
    Effect.promise(() => import("../telemetry/OtlpExport.ts")),
    ({ layerLogs }) => layerLogs(packageVersion()).pipe(Layer.orDie)
  )
  return log.gated(Layer.unwrap(exported).pipe(Layer.provideMerge(log.layer)))
}

/** Writes an error line without the log. */
const complain = (output: LogOutput.LogOutput, code: Code, text: string, format: LogFormat): void =>
  output.write(LogLine.format({ kind: "error", text, annotations: { code } }, format, false))

/**
 * Opens the log file, before anything can be logged. If that fails, the log goes to standard error, which is told; the
 * answer is what it was told.
 */
const openLog = (output: LogOutput.LogOutput, { logFile, logFormat }: DaemonOptions): string | undefined => {
  try {
    output.open(logFile)
    return undefined
  } catch (cause) {
    const text = SystemError.reasonOf(cause)
    complain(output, "LOG_FILE", text, logFormat)
    return text
  }
}

export const main = (handover: Handover.Handover, startRelay: Serve.StartRelay): void => {
  const { args, directory, options } = handover
  const output = LogOutput.make()
  const logFault = options.logFile === undefined ? undefined : openLog(output, options)
  const controls: Controls = { log: Logging.make(options, output.write), output, args, directory, options }
  takeName()
  detachInput()
  const ownFiles = OwnFiles.make()
  const notify = Notify.make(process.env, process.pid)
  process.on("exit", ownFiles.removeAll)

  const announce = () => {
    tellLauncher(handover, Handover.ready)
    signalParent(handover)
    endInspector()
  }
  const report = (cause: Cause.Cause<DaemonFailed>) =>
    Effect.gen(function* () {
      if (Cause.hasInterruptsOnly(cause)) return
      const failure = failureOf(cause)
      const { code, text } = failure
      const annotations = code === undefined ? {} : { code }
      yield* Effect.annotateLogs(Effect.logError(text), annotations)
      const line = LogLine.format({ kind: "error", text, annotations }, options.logFormat, false)
      if (output.isToFile()) output.writeToStandardError(line)
      if (options.mode === "daemonize") tellLauncher(handover, Handover.encodeFailure(failure))
    })
  const isWatched = process.stderr.isTTY === true && options.mode === "foreground" && options.logFormat === "text"
  const say = (line: string) => output.writeToStandardError(`${line}\n`)
  // A daemon has no standard error, so there would be no log at all.
  const isMute = logFault !== undefined && options.mode === "daemonize"
  const serving = isMute
    ? Effect.fail(new DaemonFailed({ code: "LOG_FILE", message: logFault }))
    : Serve.serve({ handover, ownFiles, notify, announce, isWatched, say, controls }, startRelay)
  const program = serving.pipe(
    Effect.tapCause(report),
    Effect.provide(logging(controls.log)),
    Effect.provideService(Counts, new Map())
  )
  const fiber = Effect.runFork(program)
  const giveUp = () => {
    const text = `The orderly stop took longer than ${controls.options.relay.stopTimeoutMillis} ms`
    complain(output, "STOP_LATE", text, controls.options.logFormat)
    process.exit(failed)
  }
  let stopping = false
  const stop = () => {
    if (stopping) process.exit(failed)
    stopping = true
    Effect.runFork(Effect.provide(notify.send("STOPPING=1"), logging(controls.log)))
    setTimeout(giveUp, controls.options.relay.stopTimeoutMillis + closeMillisMax).unref()
    fiber.interruptUnsafe()
  }
  StopSignals.onStop(stop)
  process.on("SIGUSR2", () => openLog(output, controls.options))
  fiber.addObserver((exit) => {
    const orderly = stopping && Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
    process.exit(orderly ? stopped : failed)
  })
}
