/**
 * The real tracing side: a session daemon of its own, the `lttng` command inside it, and an instrumented
 * application whose events carry their source and their place in that source's order.
 *
 * Root's daemons meet in /var/run/lttng whatever LTTNG_HOME says, so each session daemon lives in a mount
 * namespace with an empty /run and /dev/shm; commands and applications enter it by the daemon's pid.
 */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import * as Process from "./process.ts"
import * as Relays from "./relays.ts"

const demoFolder = fileURLToPath(new URL("./demo", import.meta.url))

/** Built once per version of its sources; the rename lets several test processes build at the same time. */
const built: Effect.Effect<string, Process.ProcessFailed | Process.TimedOut> = Effect.suspend(() => {
  const source = join(demoFolder, "demo-app.c")
  const digest = createHash("sha256")
    .update(readFileSync(source))
    .update(readFileSync(join(demoFolder, "tp.h")))
    .digest("hex")
  const folder = join(tmpdir(), `lttng-relay-demo-${digest.slice(0, 12)}`)
  const program = join(folder, "demo-app")
  if (existsSync(program)) return Effect.succeed(program)
  mkdirSync(folder, { recursive: true })
  const fresh = `${program}.${process.pid}`
  return Process.run("gcc", ["-O2", `-I${demoFolder}`, "-o", fresh, source, "-llttng-ust", "-ldl"]).pipe(
    Effect.map(() => {
      renameSync(fresh, program)
      return program
    })
  )
})

/** Cases that run at a time wait for the same build. */
const demo = Effect.runSync(Effect.cached(built))

export interface AppOptions {
  readonly count: number
  readonly source?: number
  readonly from?: number
  readonly sleepMicros?: number
  readonly tockEvery?: number
  /** Of a tock. */
  readonly textBytes?: number
  readonly cpu?: number
  /** Whose application it is, if not the session daemon's own user's; `admitOthers` first. */
  readonly uid?: number
}

type Failed = Process.ProcessFailed | Process.TimedOut

export interface Tracing {
  readonly home: string
  /** The session daemon's: entering its mount namespace is entering its machine. */
  readonly pid: number
  /** The commands of clients that the session daemon was given before the first of this name, once it has come. */
  readonly commandsBefore: (name: string) => Effect.Effect<ReadonlyArray<string>, Failed>
  /** `lttng` in this daemon's namespace; fails on a status other than 0. */
  readonly lttng: (...args: ReadonlyArray<string>) => Effect.Effect<Process.Outcome, Failed>
  /** The same with the status as part of the value. */
  readonly attempt: (...args: ReadonlyArray<string>) => Effect.Effect<Process.Outcome, Process.TimedOut>
  /** Runs the application to its end: all its events are emitted when this returns. */
  readonly emit: (options: AppOptions) => Effect.Effect<void, Failed>
  /** Another program beside the session daemon, to its end. */
  readonly run: (program: string, ...args: ReadonlyArray<string>) => Effect.Effect<Process.Outcome, Failed>
  /** Kills the session daemon and its consumer daemons without notice. */
  readonly crash: Effect.Effect<void>
}

/**
 * Whether the process has mounted a /run of its own by now. Until then it sees the machine's, where a session daemon of
 * the operator may have its sockets.
 */
const isPrivate = (run: string): boolean => {
  const mounted = statSync(run, { throwIfNoEntry: false })
  return mounted !== undefined && mounted.dev !== statSync("/run").dev
}

/** Pids of the processes below this one, deepest last. */
const descendants = (pid: number): ReadonlyArray<number> => {
  const task = `/proc/${pid}/task`
  if (!existsSync(task)) return []
  const children = readdirSync(task).flatMap((thread) =>
    readFileSync(`${task}/${thread}/children`, "latin1").split(" ").filter(Boolean).map(Number)
  )
  return children.flatMap((child) => [child, ...descendants(child)])
}

/** Pids of the consumer daemons below a session daemon. */
export const consumersOf = (pid: number): ReadonlyArray<number> =>
  descendants(pid).filter((below) => readFileSync(`/proc/${below}/comm`, "latin1").startsWith("lttng-consumer"))

/** What the process has open, as paths. */
export const openFiles = (pid: number): ReadonlyArray<string> =>
  readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${descriptor}`)]
    } catch {
      // Closed between the two calls.
      return []
    }
  })

const anotherUser = (uid: number) => ["setpriv", ...[`--reuid=${uid}`, `--regid=${uid}`], "--clear-groups"]

/** Lets applications of other users meet a session daemon. */
export const admitOthers = ({ run }: Pick<Tracing, "run">) =>
  run("sh", "-c", "chmod 1777 /dev/shm && chmod 755 /run /run/lttng")

const appArguments = (options: AppOptions) => [
  String(options.count),
  ...["--source", String(options.source ?? 0), "--from", String(options.from ?? 0)],
  ...["--sleep-us", String(options.sleepMicros ?? 0), "--tock-every", String(options.tockEvery ?? 0)],
  ...["--text-bytes", String(options.textBytes ?? 4)]
]

/** One that is blocked waits for a disk or a link: tests bound that themselves. */
const emitSecondsMax = 600

export const start = Effect.gen(function* () {
  const home = yield* Relays.temporaryDirectory("home")
  const program = yield* demo
  // Newer session daemons do not start with the right to block: it is the applications'.
  const own = { HOME: home, LTTNG_HOME: home }
  const env = { ...own, LTTNG_UST_ALLOW_BLOCKING: "1", LTTNG_UST_REGISTER_TIMEOUT: "-1" }
  const [command = "", ...args] = Relays.isolated(["lttng-sessiond", "--no-kernel", "-v"])
  const daemon = yield* Process.daemon(command, args, { cwd: home, env: own })
  // The number is the tracer's, which each has its own of.
  const sockets = ["client-lttng-sessiond", "lttng-ust-sock-"]
  yield* Process.until(
    "the session daemon's sockets",
    Effect.suspend(() => {
      const outcome = daemon.outcome()
      if (outcome !== undefined) return Effect.fail(new Process.ProcessFailed({ command, detail: outcome.stderr }))
      const run = `/proc/${daemon.pid}/root/run`
      const there = isPrivate(run) && existsSync(`${run}/lttng`) ? readdirSync(`${run}/lttng`) : []
      return Effect.succeed(sockets.every((name) => there.some((file) => file.startsWith(name))))
    })
  )
  const inside = ["-t", String(daemon.pid), "-m", "--"]
  const attempt = (...args: ReadonlyArray<string>) =>
    Process.attempt("nsenter", [...inside, "lttng", "--no-sessiond", ...args], { env })
  const lttng = (...args: ReadonlyArray<string>) =>
    Process.run("nsenter", [...inside, "lttng", "--no-sessiond", ...args], { env })
  const emit = (options: AppOptions) => {
    const pinned = options.cpu === undefined ? [] : ["taskset", "-c", String(options.cpu)]
    const whose = options.uid === undefined ? [] : anotherUser(options.uid)
    const all = [...inside, ...pinned, ...whose, program, ...appArguments(options)]
    return Effect.asVoid(Process.run("nsenter", all, { env, timeoutSeconds: emitSecondsMax }))
  }
  const run = (program: string, ...args: ReadonlyArray<string>) =>
    Process.run("nsenter", [...inside, program, ...args], { env })
  const crash = Effect.gen(function* () {
    const pids = descendants(daemon.pid)
    daemon.signal("SIGKILL")
    for (const pid of pids) process.kill(pid, "SIGKILL")
    yield* daemon.ended
  })
  const commandsBefore = (name: string) => {
    const given = (output: string) =>
      [...output.matchAll(/Processing client command '(\w+)'/g)].map(([, command = ""]) => command)
    const has = (output: string) => given(output).includes(name)
    return Effect.map(Process.said(daemon, has), (output) => given(output).slice(0, given(output).indexOf(name)))
  }
  const tracing: Tracing = { home, pid: daemon.pid, commandsBefore, lttng, attempt, emit, run, crash }
  return tracing
})

/** `-U` form; both ports of one relay. */
const netUrl = (relay: Relays.Relay) =>
  relay.host === "::1"
    ? `net6://[::1]:${relay.controlPort}:${relay.dataPort}`
    : `net://${relay.host}:${relay.controlPort}:${relay.dataPort}`

/** Where a session sends its traces, as arguments of `lttng create`. */
export const toRelay = (relay: Relays.Relay, path = ""): ReadonlyArray<string> => ["-U", `${netUrl(relay)}${path}`]

/** A channel that loses nothing: the application waits for a free sub-buffer. */
export const losslessChannel = (name: string, ...more: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...["enable-channel", "-u", "--blocking-timeout=inf", "--subbuf-size=64k", "--num-subbuf=4"],
  ...more,
  name
]

export interface SessionOptions {
  /** More arguments of `lttng create`. */
  readonly create?: ReadonlyArray<string>
  /** Of the relay's URL. */
  readonly path?: string
  /** More arguments of `lttng enable-channel`. */
  readonly channel?: ReadonlyArray<string>
  readonly events?: string
  /** Of another one beside, as `--jul`: all its events. */
  readonly domain?: string
}

/** A recording session with one channel, `ch`, that loses nothing, started. */
export const record = Effect.fnUntraced(function* (
  { lttng }: Pick<Tracing, "lttng">,
  relay: Relays.Relay,
  session: string,
  { channel = [], create = [], domain, events = "demo:*", path = "" }: SessionOptions = {}
) {
  yield* lttng("create", session, ...toRelay(relay, path), ...create)
  yield* lttng(...losslessChannel("ch", ...channel))
  yield* lttng("enable-event", "-u", "-c", "ch", events)
  if (domain !== undefined) yield* lttng("enable-event", domain, "-a")
  yield* lttng("start")
})
