/**
 * A relay daemon as a scoped value: the installed lttng-relayd ("reference") or this package's ("ours"),
 * started with the same options in an output directory, ports and home of its own.
 *
 * Both run under TZ=UTC and umask 022. Root's daemons share /var/run/lttng whatever LTTNG_HOME says, so the
 * reference gets a private /run; ours takes `LTTNG_RUNDIR`.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { daemonProgram } from "./bundle.ts"
import * as OverTls from "./overtls.ts"
import * as Ports from "./ports.ts"
import * as Process from "./process.ts"

export type Kind = "reference" | "ours"

/** `LTTNG_RELAY_KIND=reference` points every suite at the installed daemon: it checks the instruments. */
export const underTest: Kind = process.env.LTTNG_RELAY_KIND === "reference" ? "reference" : "ours"

export interface Options {
  readonly args?: ReadonlyArray<string>
  readonly host?: string
  /** A network namespace to be in, by name; `host` is an address there. */
  readonly network?: string
  readonly livePort?: number
  readonly env?: Readonly<Record<string, string>>
  /** Puts the output directory on a volume of its own with this many bytes. */
  readonly volumeBytes?: number
  /** So many files and directories fit on that volume, itself one of them. */
  readonly volumeInodes?: number
  /** Ours only: a copy of the program. */
  readonly program?: string
  /** Over what an earlier relay left there, instead of a directory of its own. */
  readonly output?: string
  /** Ours only: its output lies on tmpfs, where it writes in another way than to a disk. */
  readonly isInMemory?: boolean
}

export interface Relay {
  readonly kind: Kind
  readonly host: string
  readonly output: string
  readonly controlPort: number
  readonly dataPort: number
  readonly livePort: number
  readonly process: Process.Running
}

export const temporaryDirectory = (label: string, parent = tmpdir()) =>
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(parent, `lttng-relay-${label}-`))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }))
  )

/** A volume that is full after so many bytes, or names; 0: as many as there are. */
export const volume = (path: string, bytes: number, inodes: number) =>
  Effect.acquireRelease(
    Effect.andThen(
      Effect.sync(() => mkdirSync(path)),
      Process.run("mount", ["-t", "tmpfs", "-o", `size=${bytes},nr_inodes=${inodes},mode=0750`, "tmpfs", path])
    ),
    () => Effect.ignore(Process.run("umount", [path]))
  )

/** Ours starts once per scenario: compiling it once is half of that start. */
const compileCache = join(tmpdir(), "lttng-relay-compile-cache")

/** Runs the command in a mount namespace whose /run and /dev/shm are empty; the pid stays the command's. */
export const isolated = (command: ReadonlyArray<string>): ReadonlyArray<string> => [
  "unshare",
  "--mount",
  "--propagation",
  "private",
  "sh",
  "-c",
  'umask 022; mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /dev/shm && exec "$@"',
  "sh",
  ...command
]

/** The operator's port has a thread to start, and listens after the others. */
const httpPortsOf = (args: ReadonlyArray<string>): ReadonlyArray<number> =>
  args.flatMap((arg) => /^--http-port=tcp:.*:([1-9]\d*)$/.exec(arg)?.[1] ?? []).map(Number)

/** Ours has its name once it serves; its ports listen before. */
export const isRelay = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8") === "lttng-relayd\n"
  } catch {
    return false
  }
}

const commandOf = (kind: Kind, program = daemonProgram): ReadonlyArray<string> =>
  kind === "ours" ? ["sh", "-c", 'umask 022; exec "$@"', "sh", process.execPath, program] : isolated(["lttng-relayd"])

export const start = Effect.fnUntraced(function* (kind: Kind, options: Options = {}) {
  // The reference has a /dev/shm of its own.
  const home = yield* temporaryDirectory(kind, options.isInMemory && kind === "ours" ? "/dev/shm" : tmpdir())
  const output = options.output ?? join(home, "traces")
  if (options.volumeBytes !== undefined) yield* volume(output, options.volumeBytes, options.volumeInodes ?? 0)
  const host = options.host ?? "127.0.0.1"
  const controlPort = yield* Ports.free
  const dataPort = yield* Ports.free
  const livePort = options.livePort ?? (yield* Ports.free)
  const near = { host, controlPort, dataPort, livePort }
  const isOverTls = kind === "ours" && OverTls.isWanted(options.args)
  const own = isOverTls
    ? { host, controlPort: yield* Ports.free, dataPort: yield* Ports.free, livePort: yield* Ports.free }
    : near
  const url = (port: number) => (host === "::1" ? `tcp6://[::1]:${port}` : `tcp://${host}:${port}`)
  const [command = "", ...args] = [
    ...(options.network === undefined ? [] : ["ip", "netns", "exec", options.network]),
    ...commandOf(kind, options.program),
    ...["-o", output, "-C", url(own.controlPort), "-D", url(own.dataPort), "-L", url(own.livePort)],
    ...(isOverTls ? OverTls.relayArgs(options.args) : []),
    ...(options.args ?? [])
  ]
  const runDirectory = join(home, "run")
  const running = yield* Process.daemon(command, args, {
    cwd: home,
    env: {
      HOME: home,
      LTTNG_HOME: home,
      LTTNG_RUNDIR: runDirectory,
      NODE_COMPILE_CACHE: compileCache,
      // What is fast only because it was rehearsed is for the benchmark; the suites' processors have enough to do.
      LTTNG_RELAY_WARM_UP: "0",
      ...options.env
    }
  })
  const ports = [own.controlPort, own.dataPort, own.livePort, ...httpPortsOf(args)]
  // It has its name earlier, and what it says at the start it may have still to say.
  const isReady = () => kind === "reference" || existsSync(join(runDirectory, "relayd", "live.port"))
  yield* Process.until(
    `${kind} relay to listen on ${ports.join(", ")}`,
    Effect.suspend(() => {
      const outcome = running.outcome()
      if (outcome !== undefined) {
        const detail = `ended with ${outcome.code ?? outcome.signal}: ${outcome.stderr.slice(-2000)}`
        return Effect.fail(new Process.ProcessFailed({ command: `${kind} relay`, detail }))
      }
      const listens = (port: number) => Ports.listeningIn(running.pid, port)
      return Effect.succeed(isRelay(running.pid) && ports.every(listens) && isReady())
    })
  )
  if (isOverTls) yield* OverTls.lead(near, own)
  const relay: Relay = { kind, host, output, controlPort, dataPort, livePort, process: running }
  return relay
})
