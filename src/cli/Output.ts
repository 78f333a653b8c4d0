/** What the commands of the toolbox print: lines for people, JSON for scripts, errors as one line. */
import { Console, Effect, Runtime } from "effect"
import { CliError } from "effect/cli"
import { harmless, harmlessJson } from "../errors/Harmless.ts"
import * as SystemError from "../errors/SystemError.ts"
import { setImmediate } from "../Machine.ts"
import * as Flags from "./Flags.ts"
import { statusOf } from "./Misused.ts"

export const jsonFlag = Flags.toggle("json", "Print JSON, one value a line")

/** 64-bit numbers become strings: JSON readers would round them. For terminals, too. */
export const json = (value: unknown): string =>
  harmlessJson(JSON.stringify(value, (_, member) => (typeof member === "bigint" ? member.toString() : member)))

/** Prints a line for people. */
export const print = (line: string): Effect.Effect<void> => Console.log(harmless(line))

/** The same, to standard error. */
export const tell = (line: string): Effect.Effect<void> => Console.error(harmless(line))

export const printJson = (value: unknown): Effect.Effect<void> => Console.log(json(value))

/** Prints the summary at the end of `work`, also if that is by Ctrl-C; not if it failed. */
export const summarized = <A, E, R>(
  work: Effect.Effect<A, E, R>,
  summary: () => Effect.Effect<void>
): Effect.Effect<void, E, R> => Effect.andThen(Effect.onInterrupt(work, summary), Effect.suspend(summary))

/** Ends the command with the error's message and status 1, or 2 where its arguments are what is wrong. */
export const reported = <A, E extends Error, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, CliError.UserError, R> =>
  Effect.mapError(effect, (error) => {
    const reported = new CliError.UserError({ cause: error, userMessage: SystemError.messageOf(error) })
    return Object.assign(reported, { [Runtime.errorExitCode]: statusOf(error) })
  })

const endings = ["SIGINT", "SIGTERM"] as const

/** A turn of the event loop, in which it hears of signals. */
export const turn: Effect.Effect<void> = Effect.callback((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** While a call holds up the loop no listener hears a signal: without listeners it ends the process, as it should. */
const endable = <A>(call: () => A): A => {
  const listeners = endings.map((signal) => process.rawListeners(signal))
  for (const signal of endings) process.removeAllListeners(signal)
  try {
    return call()
  } finally {
    endings.forEach((signal, at) => {
      for (const listener of listeners[at] ?? []) process.on(signal, listener as NodeJS.SignalsListener)
    })
  }
}

/** Makes a call that throws what is wrong, and takes no time: Ctrl-C is heard after it. */
export const briefly = <A>(call: () => A): Effect.Effect<A, Error> =>
  Effect.try({ try: call, catch: (cause) => (cause instanceof Error ? cause : new Error(String(cause))) })

/** Makes a call that may take long: Ctrl-C ends the process in the middle of it. */
export const attempt = <A>(call: () => A): Effect.Effect<A, Error> => briefly(() => endable(call))

const units = ["B", "KiB", "MiB", "GiB", "TiB"]

export const bytes = (count: number): string => {
  let value = count
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return unit === 0 ? `${count} B` : `${value.toFixed(1)} ${units[unit]}`
}

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`
