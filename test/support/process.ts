/**
 * Real processes as scoped values: run one to its end, or keep one for the length of a scope.
 *
 * Plain `node:child_process`, so that what the tests prove does not rest on the adapters the product uses.
 * A process that outlives its scope is a bug of the test: release asks politely, then kills by pid.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { Duration, Effect, Schema } from "effect"
import { TimedOut, until, within } from "../../src/testing/Waiting.ts"

export { TimedOut, until } from "../../src/testing/Waiting.ts"

export class ProcessFailed extends Schema.TaggedError<ProcessFailed>()("ProcessFailed", {
  command: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `${this.command}: ${this.detail}`
  }
}

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Options {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutSeconds?: number
}

/** A running child whose output is collected from the first byte. */
export interface Running {
  readonly pid: number
  readonly output: () => string
  readonly outcome: () => Outcome | undefined
  readonly signal: (signal: NodeJS.Signals) => void
  readonly ended: Effect.Effect<Outcome>
}

const observe = (command: string, child: ChildProcess): Running => {
  const stdout: Array<Buffer> = []
  const stderr: Array<Buffer> = []
  let outcome: Outcome | undefined
  const waiters = new Set<(outcome: Outcome) => void>()
  const text = (chunks: ReadonlyArray<Buffer>) => Buffer.concat(chunks).toString("utf8")
  const finish = (code: number | null, signal: NodeJS.Signals | null, problem = "") => {
    if (outcome !== undefined) return
    outcome = { code, signal, stdout: text(stdout), stderr: text(stderr) + problem }
    for (const waiter of waiters) waiter(outcome)
  }
  child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk))
  child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk))
  child.once("error", (cause) => finish(null, null, `${command}: ${cause.message}`))
  child.once("close", (code, signal) => finish(code, signal))
  return {
    pid: child.pid ?? 0,
    output: () => text(stdout) + text(stderr),
    outcome: () => outcome,
    signal: (signal) => {
      if (outcome === undefined) child.kill(signal)
    },
    ended: Effect.callback<Outcome>((resume) => {
      if (outcome !== undefined) return resume(Effect.succeed(outcome))
      const waiter = (ended: Outcome) => resume(Effect.succeed(ended))
      waiters.add(waiter)
      return Effect.sync(() => waiters.delete(waiter))
    })
  }
}

const launch = (command: string, args: ReadonlyArray<string>, options: Options): Running =>
  observe(
    command,
    spawn(command, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "/", TZ: "UTC", ...options.env },
      stdio: ["ignore", "pipe", "pipe"]
    })
  )

/**
 * Waits until it has said it, and returns what it said so far: what a process writes arrives some time after its peers
 * see what it wrote of.
 */
export const said = Effect.fnUntraced(function* (
  running: Running,
  what: string | RegExp | ((output: string) => boolean),
  options: { readonly seconds?: number; readonly everyMillis?: number } = {}
) {
  const isSaid = () => {
    const output = running.output()
    return typeof what === "function" ? what(output) : output.search(what) >= 0
  }
  const isDone = Effect.sync(() => isSaid() || running.outcome() !== undefined)
  yield* Effect.ignore(until(`${what}`, isDone, options))
  if (isSaid()) return running.output()
  return yield* new TimedOut({ waitingFor: `${what} in what it said:\n${running.output().slice(-4000)}` })
})

/** Asks it to end; all that it said, to the last byte, which is where one looks for what it must not say. */
export const lastSaid = Effect.fnUntraced(function* (running: Running) {
  running.signal("SIGTERM")
  const { stderr, stdout } = yield* running.ended
  return stdout + stderr
})

const stop = (running: Running) =>
  Effect.gen(function* () {
    if (running.outcome() !== undefined) return
    running.signal("SIGTERM")
    const ended = yield* Effect.timeoutOption(running.ended, "5 seconds")
    if (ended._tag === "None") {
      running.signal("SIGKILL")
      yield* running.ended
    }
  })

/** A process that lives until the scope closes. */
export const daemon = (command: string, args: ReadonlyArray<string>, options: Options = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => launch(command, args, options)),
    stop
  )

/** Asks a daemon to stop: how it ended. */
export const stopped = Effect.fnUntraced(function* (running: Running) {
  running.signal("SIGTERM")
  const ended = yield* within(running.ended, Duration.seconds(30))
  if (ended._tag === "None") return "did not stop"
  return ended.value.signal ?? `status ${ended.value.code}`
})

/** Runs to the end; the exit status is part of the value. */
export const attempt = (command: string, args: ReadonlyArray<string>, options: Options = {}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const running = yield* daemon(command, args, options)
      const ended = yield* within(running.ended, Duration.seconds(options.timeoutSeconds ?? 60))
      if (ended._tag === "Some") return ended.value
      return yield* new TimedOut({ waitingFor: `${command} ${args.join(" ")}\n${running.output().slice(-2000)}` })
    })
  )

/** Runs to the end and insists on status 0. */
export const run = (command: string, args: ReadonlyArray<string>, options: Options = {}) =>
  Effect.gen(function* () {
    const outcome = yield* attempt(command, args, options)
    if (outcome.code === 0) return outcome
    return yield* new ProcessFailed({
      command: `${command} ${args.join(" ")}`,
      detail: `status ${outcome.code ?? outcome.signal}\n${outcome.stdout.slice(-2000)}\n${outcome.stderr.slice(-2000)}`
    })
  })
