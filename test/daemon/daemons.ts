/**
 * Both daemons as commands with nothing but options in common: same environment, same empty home, same umask.
 *
 * The reference gets a private /run, since as root it has no other way to have a run directory of its own; ours
 * takes `LTTNG_RUNDIR`. Unlike the relays of the traffic tests these are started with any options, good or bad.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import { Effect, Fiber } from "effect"
import { daemonProgram } from "../support/bundle.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import { isolated, isRelay, type Kind, temporaryDirectory } from "../support/relays.ts"

/** A home, a run directory, and three ports. */
export interface Place {
  readonly home: string
  readonly runDirectory: string
  readonly ports: ReadonlyArray<number>
  /** `-C -D -L` on loopback. */
  readonly urls: ReadonlyArray<string>
}

export const place = Effect.gen(function* () {
  const home = yield* temporaryDirectory("daemon")
  const ports = [yield* Ports.free, yield* Ports.free, yield* Ports.free]
  const urls = ["-C", "-D", "-L"].flatMap((flag, at) => [flag, `tcp://127.0.0.1:${ports[at]}`])
  const made: Place = { home, runDirectory: join(home, "run"), ports, urls }
  return made
})

export interface Options {
  readonly env?: Readonly<Record<string, string>>
  /** A file for standard output and error: a daemon that keeps them would keep the test's pipes open. */
  readonly outputFile?: string
  /** Shell words before the command, such as `ulimit -n 90`. */
  readonly before?: string
}

export const command = (kind: Kind, args: ReadonlyArray<string>, options: Options = {}): ReadonlyArray<string> => {
  const daemon = kind === "ours" ? [process.execPath, daemonProgram] : isolated(["lttng-relayd"])
  const redirect = options.outputFile === undefined ? "" : ` >'${options.outputFile}' 2>&1`
  const script = `umask 022; ${options.before ?? ":"}; exec "$@"${redirect}`
  return ["sh", "-c", script, "sh", ...daemon, ...args]
}

const processOptions = (at: Place, options: Options) => ({
  cwd: at.home,
  env: { HOME: at.home, LTTNG_HOME: at.home, LTTNG_RUNDIR: at.runDirectory, ...options.env }
})

/** Runs to the end. */
export const attempt = (kind: Kind, at: Place, args: ReadonlyArray<string>, options: Options = {}) => {
  const [sh = "sh", ...words] = command(kind, args, options)
  return Process.attempt(sh, words, processOptions(at, options))
}

/** Runs until the scope closes. */
export const start = (kind: Kind, at: Place, args: ReadonlyArray<string>, options: Options = {}) => {
  const [sh = "sh", ...words] = command(kind, args, options)
  return Process.daemon(sh, words, processOptions(at, options))
}

export const listening = (at: Place): boolean => at.ports.every(Ports.listening)

export const untilListening = (at: Place, running: Process.Running) =>
  Process.until(
    `ports ${at.ports.join(", ")} to listen`,
    Effect.suspend(() => {
      const outcome = running.outcome()
      if (outcome === undefined) return Effect.succeed(listening(at) && isRelay(running.pid))
      return Effect.fail(new Process.ProcessFailed({ command: "daemon", detail: outcome.stderr }))
    })
  )

/**
 * Until ours has begun all that it has to: its ports listen earlier, those of its first stage before it is there
 * itself. Only where it has its run directory.
 */
export const untilReady = (at: Place, running: Process.Running) =>
  Effect.andThen(
    untilListening(at, running),
    Process.until("the port files", () => files(at).includes("live.port"))
  )

/** Living processes whose first argument names the daemon, as the tracer's own test suite looks for them. */
export const processesOf = (at: Place): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const words = commandLine(pid)
      return /lttng-relayd[^/]*$/.test(words[0] ?? "") && words.some((word) => word.endsWith(`:${at.ports[0]}`))
    })

const commandLine = (pid: number): ReadonlyArray<string> => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1)
  } catch {
    return []
  }
}

export const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`) && commandLine(pid).length > 0

/** Ends what a launcher left running, by pid. */
export const killed = (at: Place) =>
  Effect.addFinalizer(() =>
    Effect.gen(function* () {
      const pids = processesOf(at)
      for (const pid of pids) process.kill(pid, "SIGTERM")
      yield* Process.until("the daemon to end", () => !pids.some(isAlive)).pipe(Effect.ignore)
    })
  )

export const files = (at: Place) => {
  const directory = join(at.runDirectory, "relayd")
  return existsSync(directory) ? readdirSync(directory).sort() : []
}

export const portFiles = (at: Place) =>
  ["control", "data", "live"].map((name) => readFileSync(join(at.runDirectory, "relayd", `${name}.port`), "utf8"))

export const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)

/** What comes before the close. */
const heard = (socket: Socket) =>
  Effect.callback<string>((resume) => {
    const answer: Array<Buffer> = []
    socket.on("data", (data) => answer.push(data))
    socket.on("error", () => undefined)
    socket.on("close", () => resume(Effect.succeed(Buffer.concat(answer).toString("hex"))))
  })

/** Sends bytes to a Unix socket and answers what came back before the close. */
export const ask = (path: string, bytes: Uint8Array) =>
  Effect.suspend(() => {
    const socket = connect(path)
    if (bytes.length > 0) socket.write(bytes)
    return heard(socket)
  })

/** The same, with something else between two parts, after which its half is closed. */
export const askInTwo = (
  path: string,
  [first, second]: readonly [Uint8Array, Uint8Array],
  between: Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const socket = connect(path)
    const answer = yield* Effect.forkChild(heard(socket), { startImmediately: true })
    yield* Effect.callback<void>((resume) => void socket.write(first, () => resume(Effect.void)))
    yield* between
    socket.end(second)
    return yield* Fiber.join(answer)
  })

/** Lines both daemons may add wherever they run: no group on this machine, the reference's count of its own leaks. */
export const withoutNoise = (text: string) =>
  text
    .split("\n")
    .filter((line) => !/No tracing group detected|file descriptor leak/.test(line))
    .join("\n")

export const healthy = "0000000000000000"
export const check = new Uint8Array(4)

export const runForeground = Effect.fnUntraced(function* (args: ReadonlyArray<string> = [], options: Options = {}) {
  const at = yield* place
  const running = yield* start("ours", at, [...at.urls, ...args], options)
  yield* untilReady(at, running)
  return {
    at,
    running,
    health: options.env?.LTTNG_RELAYD_HEALTH ?? join(at.runDirectory, "relayd", `health-${running.pid}`)
  }
})

export const end = Effect.fnUntraced(function* (running: Process.Running, signal: NodeJS.Signals = "SIGTERM") {
  running.signal(signal)
  return yield* running.ended
})
