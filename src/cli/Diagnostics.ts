/**
 * How the commands of the toolbox speak: results on standard output, and nothing else there; what is wrong in one line
 * on standard error, as the daemon says it. Status 1 for what failed, 2 for arguments that are wrong.
 *
 * That nobody reads any more is an end like any other. A standard output that takes nothing (a full disk) is a failure;
 * a standard error that takes nothing is none.
 */
import { writeSync } from "node:fs"
import { format } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Console, Effect, Exit, Layer, Logger, Runtime } from "effect"
import { CliError, CliOutput } from "effect/cli"
import { harmless, oneLine } from "../errors/Harmless.ts"
import * as SystemError from "../errors/SystemError.ts"
import { status } from "./Misused.ts"
import * as StandardOutput from "./StandardOutput.ts"

const standardError = 2

/** Text in one line that acts on no terminal: peers, and whoever made a trace, choose names that are in it. */
const inOneLine = (text: string): string => harmless(oneLine(text))

const say = (line: string): void => {
  try {
    writeSync(standardError, `${line}\n`)
  } catch {
    // There is nobody to tell.
  }
}

/** Ends the process: no command has anything to put in order that is worth more than saying this. */
const giveUp = (cause: unknown): never => {
  // What the command has found by now is its status, though nobody reads how it goes on.
  if (cause instanceof StandardOutput.OutputClosed) process.exit()
  say(`Error: ${SystemError.messageOf(cause)}`)
  process.exit(status.failed)
}

const print = (...parts: ReadonlyArray<unknown>): void => {
  try {
    StandardOutput.write(Buffer.from(`${format(...parts)}\n`))
  } catch (cause) {
    giveUp(cause)
  }
}

/** Whether the command goes on until somebody stops it: that is then no failure, but its end. */
let isService = false

/** A program that goes on until it is stopped, and that need not be read: what cannot be printed is lost. */
export const service = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    isService = true
    return Effect.updateService(program, Console.Console, (console) => ({
      ...console,
      log: (...parts: ReadonlyArray<unknown>) => {
        try {
          StandardOutput.write(Buffer.from(`${format(...parts)}\n`))
        } catch {
          // There is nobody to tell.
        }
      }
    }))
  })

const hint = (commandPath: ReadonlyArray<string>): string => `see ${commandPath.join(" ")} --help`

const present = (event: CliOutput.Presenter.Event): Effect.Effect<void> => {
  if (event._tag === "InvalidInvocation") {
    const [error] = event.errors
    const message = (error?.message ?? "wrong arguments").replace(/\s*Did you mean this\?\s*/, "; similar: ")
    return Console.error(`Error: ${inOneLine(message)} (${hint(event.commandPath)})`)
  }
  if (event._tag === "Help" && event.reason === "Implicit") {
    return Console.error(`Error: a subcommand is missing (${hint(event.commandPath)})`)
  }
  return CliOutput.defaultPresenter.present(event)
}

const formatter: CliOutput.Formatter = {
  ...CliOutput.defaultFormatter(),
  formatError: ({ message, ...error }) =>
    `Error: ${inOneLine("userMessage" in error ? String(error.userMessage) : message)}`
}

export const layer: Layer.Layer<never> = Layer.mergeAll(
  Layer.succeed(Console.Console, {
    ...globalThis.console,
    log: print,
    error: (...parts: ReadonlyArray<unknown>) => say(format(...parts))
  }),
  CliOutput.layer(formatter),
  CliOutput.layerPresenter({ present })
)

/** Runs a command to its end. A defect is told on standard error, too, with where it came from. */
export const runMain = <A, E>(command: Effect.Effect<A, E>): void => {
  const told = Effect.tapCause(command, (cause) => {
    const error = Cause.squash(cause)
    if (SystemError.isOfDirectory(error)) giveUp(error)
    return Cause.hasDies(cause) ? Effect.logError(cause) : Effect.void
  })
  let isTerminated = false
  let isStopping = false
  /** What a service still has to do may take long: whoever asks a second time does not want to wait for it. */
  const stop = (signal: NodeJS.Signals) => {
    if (isStopping && isService) process.exit(1)
    isStopping = true
    isTerminated ||= signal === "SIGTERM"
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop)
  /** Whoever ends a tool by a signal looks for that one in its status; whoever stops a service, for its success. */
  const teardown: Runtime.Teardown = (exit, onExit) =>
    Runtime.defaultTeardown(exit, (code) => {
      const isEnded = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
      if (isEnded && isService) return onExit(0)
      onExit(isEnded && isTerminated ? status.terminated : code)
    })
  NodeRuntime.runMain(Effect.provideService(told, Logger.LogToStderr, true), { disableErrorReporting: true, teardown })
}

/** Gives wrong arguments the status that the platform's tools have for them. */
export const withStatus = <A, E, R>(command: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.tapError(command, (error) =>
    Effect.sync(() => {
      if (CliError.isCliError(error) && error._tag === "ShowHelp")
        Object.assign(error, { [Runtime.errorExitCode]: status.misused })
    })
  )
