/**
 * The second half of a start: everything the serving process does around the relay, in the reference's order.
 *
 * Working directory, pid file, run directory, health socket, relay, port files, readiness. Whatever fails here ends
 * the process with status 1 and one line. Files made here are removed by the scope, or at the latest by `ownFiles`.
 */
import { accessSync, constants } from "node:fs"
import { Effect, type Scope } from "effect"
import type { DaemonOptions } from "../config/DaemonOptions.ts"
import { DaemonFailed } from "./DaemonFailed.ts"
import type { Handover } from "./Handover.ts"
import * as Health from "./Health.ts"
import * as HealthSocket from "./HealthSocket.ts"
import type { Notify } from "./Notify.ts"
import type { OwnFiles } from "./OwnFiles.ts"
import * as RunDirectory from "./RunDirectory.ts"

interface Bound {
  readonly host: string
  readonly port: number
}

/** The ports the relay listens on once it runs. */
export interface Addresses {
  readonly control: Bound
  readonly data: Bound
  readonly live: Bound
}

/** Starts the relay for the life of the scope. */
export type StartRelay = (options: DaemonOptions) => Effect.Effect<Addresses, DaemonFailed, Scope.Scope>

export interface Environs {
  readonly handover: Handover
  readonly ownFiles: OwnFiles
  readonly notify: Notify
  /** Tells the launcher and the parent that the daemon is ready. */
  readonly announce: () => void
}

const attempt = <A>(what: string, action: () => A): Effect.Effect<A, DaemonFailed> =>
  Effect.try({
    try: action,
    catch: (error) => new DaemonFailed({ message: `${what}: ${error instanceof Error ? error.message : error}` })
  })

const isWritable = (directory: string): boolean => {
  try {
    accessSync(directory, constants.W_OK)
    return true
  } catch {
    return false
  }
}

const enterWorkingDirectory = Effect.fnUntraced(function* (directory: string | undefined) {
  if (directory === undefined) return
  yield* attempt(`Failed to change working directory to "${directory}"`, () => process.chdir(directory))
  if (!isWritable(directory)) yield* Effect.logDebug(`Working directory "${directory}" is not writable`)
})

const writePidFile = Effect.fnUntraced(function* (path: string | undefined, ownFiles: OwnFiles) {
  if (path === undefined) return
  yield* attempt(`Failed to create PID file at path '${path}'`, () => ownFiles.write(path, `${process.pid}\n`))
})

const openHealthSocket = Effect.fnUntraced(function* (
  options: DaemonOptions,
  directory: RunDirectory.RunDirectory,
  ownFiles: OwnFiles
) {
  const health = Health.make(() => performance.now(), options.testpoints.stalled)
  const path = options.healthPath ?? `${directory.path}/health-${process.pid}`
  yield* HealthSocket.make(path, directory.groupId, health.query)
  yield* Effect.sync(() => ownFiles.adopt(path))
})

/** They go first at the end: nobody should be sent to a port that no longer answers. */
const writePortFiles = Effect.fnUntraced(function* (directory: string, addresses: Addresses, ownFiles: OwnFiles) {
  for (const name of ["control", "data", "live"] as const) {
    const { host, port } = addresses[name]
    yield* Effect.logDebug(`Bound ${name} socket to port ${port}`).pipe(Effect.annotateLogs({ host }))
    const path = `${directory}/${name}.port`
    yield* Effect.acquireRelease(
      attempt(`Failed to write ${path}`, () => ownFiles.write(path, `${port}\n`)),
      () => Effect.sync(() => ownFiles.remove(path))
    )
  }
})

/** Runs until interrupted, or until it fails. */
export const serve = Effect.fnUntraced(function* (environs: Environs, startRelay: StartRelay) {
  const { handover, ownFiles, notify } = environs
  const { options } = handover
  yield* Effect.addFinalizer(() => Effect.sync(ownFiles.removeAll))
  yield* enterWorkingDirectory(options.workingDirectory)
  yield* writePidFile(options.pidFile, ownFiles)
  const directory = yield* attempt("Failed to create the run directory", () =>
    RunDirectory.make(options.runDirectory, options.group)
  )
  for (const warning of directory.warnings) yield* Effect.logWarning(warning)
  yield* openHealthSocket(options, directory, ownFiles)
  const addresses = yield* startRelay(options)
  yield* writePortFiles(directory.path, addresses, ownFiles)
  yield* Effect.logDebug("Initialization complete; ready to accept commands")
  yield* Effect.sync(environs.announce)
  yield* Effect.forkScoped(notify.send("READY=1").pipe(Effect.andThen(notify.watchdog)))
  const [failing] = options.testpoints.failing
  if (failing !== undefined) {
    return yield* new DaemonFailed({ message: `Health error occurred in relay_thread_${failing.replace("-", "_")}` })
  }
  return yield* Effect.never
}, Effect.scoped)
