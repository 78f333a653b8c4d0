/**
 * A tracing side of its own: a session daemon and what it runs, apart from the machine's. With root it has a /run and a
 * /dev/shm of its own, in a network namespace if there is one; without, a home of its own, which parts them as well.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { Effect, type Scope } from "effect"
import * as Place from "./Place.ts"
import * as Process from "./Process.ts"

const isRoot = process.getuid?.() === 0
const startLimitMs = 10_000

/** The reason there can be none here, if there is one. */
export const missing = (): string | undefined => {
  const tools = ["cc", "lttng", "lttng-sessiond", "babeltrace2", ...(isRoot ? ["unshare", "nsenter"] : [])]
  const absent = tools.filter((tool) => !Process.has(tool))
  return absent.length === 0 ? undefined : `${absent.join(", ")} not installed`
}

const oneLine = (text: string) => text.trim().replaceAll(/\s+/g, " ")

const failed = (what: string, { output }: Process.Outcome) =>
  new Process.CannotRun({ reason: `${what}: ${oneLine(output)}` })

/** Compiles the application into `folder`. */
export const application = (folder: string): Effect.Effect<string, Process.CannotRun> =>
  Effect.gen(function* () {
    const program = path.join(folder, "application")
    const source = path.join(Place.tracer, "application.c")
    const built = yield* Process.run("cc", ["-O2", `-I${Place.tracer}`, "-o", program, source, "-llttng-ust", "-ldl"])
    return built.code === 0 ? program : yield* failed("the application does not compile", built)
  })

export interface Tracer {
  /** Where the session daemon is, at most so many seconds. */
  readonly run: (seconds: number, command: string, ...args: ReadonlyArray<string>) => Effect.Effect<Process.Outcome>
  readonly lttng: (...args: ReadonlyArray<string>) => Effect.Effect<void, Process.CannotRun>
}

const commandSeconds = 60

const waitFor = (running: Process.Running, isThere: () => boolean) =>
  Effect.tryPromise({
    try: async () => {
      const until = Date.now() + startLimitMs
      while (!isThere()) {
        if (running.child.exitCode !== null || Date.now() > until) throw new Error(running.complaint())
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    catch: (cause) => new Process.CannotRun({ reason: `lttng-sessiond did not start: ${cause}` })
  })

/** How their names begin: the tracer's ends with a number that its versions have of their own. */
const sockets = ["client-lttng-sessiond", "lttng-ust-sock-"]

/** `namespace`: of the network, by name. */
export const make = (home: string, namespace?: string): Effect.Effect<Tracer, Process.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    fs.mkdirSync(home, { recursive: true })
    const env = { HOME: home, LTTNG_HOME: home, LTTNG_UST_REGISTER_TIMEOUT: "-1" }
    const isolate = 'mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /dev/shm && exec "$@"'
    const [command = "", ...args] = [
      ...(namespace === undefined ? [] : ["ip", "netns", "exec", namespace]),
      ...(isRoot ? ["unshare", "--mount", "sh", "-c", isolate, "sh"] : []),
      ...["lttng-sessiond", "--no-kernel"]
    ]
    const running = yield* Process.spawn(command, args, { env })
    const folder = isRoot ? `/proc/${running.pid}/root/run/lttng` : path.join(home, ".lttng")
    // Before it has a /run of its own the process sees the machine's, and the operator's daemon in it.
    const ownRun = () =>
      !isRoot || fs.statSync(path.dirname(folder), { throwIfNoEntry: false })?.dev !== fs.statSync("/run").dev
    const isOpen = () => {
      const names = ownRun() && fs.existsSync(folder) ? fs.readdirSync(folder) : []
      return sockets.every((beginning) => names.some((name) => name.startsWith(beginning)))
    }
    yield* waitFor(running, isOpen)
    const enter = isRoot ? ["nsenter", "-t", String(running.pid), "--mount", "--net", "--"] : []
    const run: Tracer["run"] = (seconds, program, ...rest) => {
      const [first = "", ...others] = [...enter, "timeout", String(seconds), program, ...rest]
      return Process.run(first, others, env)
    }
    const lttng: Tracer["lttng"] = (...words) =>
      Effect.flatMap(run(commandSeconds, "lttng", "--no-sessiond", ...words), (outcome) =>
        outcome.code === 0 ? Effect.void : Effect.fail(failed(`lttng ${words[0]}`, outcome))
      )
    return { run, lttng }
  })
