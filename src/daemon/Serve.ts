/**
 * The second half of a start: everything the serving process does around the relay, in the reference's order.
 *
 * Working directory, pid file, run directory, health socket, relay, port files, readiness. Whatever fails here ends
 * the process with status 1 and one line. Files made here are removed by the scope, or at the latest by `ownFiles`.
 */
import { Effect, Fiber, type Scope } from "effect"
import type { DaemonOptions } from "../config/DaemonOptions.ts"
import * as Descriptors from "../config/Descriptors.ts"
import { report } from "../errors/Report.ts"
import * as SystemError from "../errors/SystemError.ts"
import { clockMillis, wallMillis } from "../Machine.ts"
import type { Controls } from "./Controls.ts"
import { DaemonFailed } from "./DaemonFailed.ts"
import * as Health from "./Health.ts"
import * as HealthSocket from "./HealthSocket.ts"
import * as Leftovers from "./Leftovers.ts"
import type { Handover } from "./launch/Handover.ts"
import * as Neighbours from "./Neighbours.ts"
import type { Notify } from "./Notify.ts"
import type { OwnFiles } from "./OwnFiles.ts"
import * as RunDirectory from "./RunDirectory.ts"
import { unwritable, unwritableLater } from "./Unwritable.ts"

interface Bound {
  readonly host: string
  readonly port: number
}

/** Addresses and ports on which the relay listens once it runs. */
export interface Addresses {
  readonly control: Bound
  readonly data: Bound
  readonly live: Bound
}

interface Started {
  readonly addresses: Addresses
  /** Directories of the sessions that the relay has now, relative to the output directory. */
  readonly recorded: Effect.Effect<ReadonlyArray<string>>
}

/** Starts the relay, which runs until the scope closes. */
export type StartRelay = (
  options: DaemonOptions,
  controls: Controls
) => Effect.Effect<Started, DaemonFailed, Scope.Scope>

export interface Environs {
  readonly handover: Handover
  readonly ownFiles: OwnFiles
  readonly notify: Notify
  readonly controls: Controls
  /** Whether a person has started the daemon at a terminal and looks on. */
  readonly isWatched: boolean
  readonly say: (line: string) => void
  /** Tells the launcher and the parent that the daemon is ready. */
  readonly announce: () => void
}

const attempt = <A>(what: string, action: () => A): Effect.Effect<A, DaemonFailed> =>
  Effect.try({
    try: action,
    catch: (error) => new DaemonFailed({ code: "START_FILE", message: `${what}: ${SystemError.reasonOf(error)}` })
  })

const enterWorkingDirectory = Effect.fnUntraced(function* (directory: string | undefined) {
  if (directory === undefined) return
  yield* attempt(`Failed to change working directory to "${directory}"`, () => process.chdir(directory))
  if (unwritable(directory) !== undefined) yield* Effect.logDebug(`Working directory "${directory}" is not writable`)
})

const enterOutput = Effect.fnUntraced(function* (output: string) {
  const looked = unwritableLater(output)
  yield* Neighbours.announce(output)
  const message = yield* Effect.promise(() => Neighbours.complaint(output))
  if (message !== undefined) return yield* new DaemonFailed({ code: "START_OUTPUT", message })
  // One that is not there yet is made with the first session.
  const reason = yield* Effect.promise(() => looked)
  if (reason !== undefined) yield* report("OUTPUT_UNWRITABLE", `${output}: ${reason}`)
})

/** Within it thousands of edges' sessions are gone through. */
const silence = "5 seconds"

/** Says so if that takes long: its disk hangs, or what is noted there. */
const saidIfSilent = (output: string) => Effect.forkScoped(Effect.delay(report("OUTPUT_SILENT", output), silence))

/** The reference's file modes, before the umask: of pid file and live port file, and of the other port files. */
const [ownMode, sharedMode] = [0o644, 0o666]

const writePidFile = Effect.fnUntraced(function* (path: string | undefined, ownFiles: OwnFiles) {
  if (path === undefined) return
  yield* attempt(`Failed to create PID file at path '${path}'`, () => ownFiles.write(path, `${process.pid}\n`, ownMode))
})

/** Makes the run directory. If none was named and none can be made, warns and answers undefined: it is optional. */
const openRunDirectory = Effect.fnUntraced(function* ({ group, isRunDirectoryNamed, runDirectory }: DaemonOptions) {
  const without = (reason: string) =>
    Effect.as(Effect.logWarning(`No run directory, so no health socket and no port files: ${reason}`), undefined)
  if (runDirectory === undefined) return yield* without("the user has no home")
  const made = attempt(`Failed to create the run directory ${runDirectory}`, () =>
    RunDirectory.make(runDirectory, group)
  )
  const directory = yield* isRunDirectoryNamed ? made : Effect.catch(made, ({ message }) => without(message))
  for (const warning of directory?.warnings ?? []) yield* Effect.logWarning(warning)
  return directory
})

const openHealthSocket = Effect.fnUntraced(function* (
  options: DaemonOptions,
  directory: RunDirectory.RunDirectory | undefined,
  ownFiles: OwnFiles
) {
  const path = options.healthPath ?? (directory === undefined ? undefined : `${directory.path}/health-${process.pid}`)
  if (path === undefined) return
  const query = Health.make(clockMillis, options.testpoints.stalled)
  yield* HealthSocket.make(path, directory?.groupId, query)
  yield* Effect.sync(() => ownFiles.adopt(path))
})

/** Writes the port files, which are removed first at the end: nobody should be sent to a port that does not answer. */
const writePortFiles = Effect.fnUntraced(function* (
  directory: RunDirectory.RunDirectory | undefined,
  addresses: Addresses,
  ownFiles: OwnFiles
) {
  const { path: parent, occupant } = directory ?? {}
  if (occupant !== undefined) {
    yield* Effect.logWarning(`The port files in ${parent} are those of another relay, process ${occupant}: they stay`)
  }
  for (const name of ["control", "data", "live"] as const) {
    const { host, port } = addresses[name]
    yield* Effect.logDebug(`Bound ${name} socket to port ${port}`).pipe(Effect.annotateLogs({ host }))
    if (parent === undefined || occupant !== undefined) continue
    const path = `${parent}/${name}.port`
    yield* Effect.acquireRelease(
      attempt(`Failed to write ${path}`, () =>
        ownFiles.write(path, `${port}\n`, name === "live" ? ownMode : sharedMode)
      ),
      () => Effect.sync(() => ownFiles.remove(path))
    )
  }
})

const placeOf = ({ host, port }: Bound): string => `${host.includes(":") ? `[${host}]` : host}:${port}`

const startLine = ({ relay }: DaemonOptions, { control, data, live }: Addresses): string =>
  `lttng-relayd listens on ${placeOf(control)} (control), ${placeOf(data)} (data) and ${placeOf(live)} (live); ` +
  `traces go to ${relay.output}; Ctrl-C ends it`

/** Runs until interrupted, or until it fails. */
export const serve = Effect.fnUntraced(function* (environs: Environs, startRelay: StartRelay) {
  const { handover, ownFiles, notify } = environs
  const { options } = handover
  yield* Effect.addFinalizer(() => Effect.sync(ownFiles.removeAll))
  yield* enterWorkingDirectory(options.workingDirectory)
  yield* writePidFile(options.pidFile, ownFiles)
  const directory = yield* openRunDirectory(options)
  yield* openHealthSocket(options, directory, ownFiles)
  const waiting = yield* saidIfSilent(options.relay.output)
  yield* enterOutput(options.relay.output)
  const doubt = Descriptors.doubtOf(options.relay)
  if (doubt !== undefined) yield* Effect.logWarning(doubt)
  const startMillis = wallMillis()
  const { addresses, recorded } = yield* startRelay(options, environs.controls)
  yield* Fiber.interrupt(waiting)
  yield* writePortFiles(directory, addresses, ownFiles)
  yield* Effect.logDebug("Initialization complete; ready to accept commands")
  yield* Effect.sync(environs.announce)
  // Sessions of edges that the relay goes on with are not leftovers.
  const look = Effect.flatMap(recorded, (alive) => Leftovers.look(options.relay.output, startMillis, alive))
  yield* Effect.forkScoped(look)
  if (environs.isWatched) yield* Effect.sync(() => environs.say(startLine(options, addresses)))
  yield* Effect.forkScoped(notify.send("READY=1").pipe(Effect.andThen(notify.watchdog)))
  const [failing] = options.testpoints.failing
  if (failing !== undefined) {
    return yield* new DaemonFailed({
      code: "HEALTH_FAILED",
      message: `Health error occurred in relay_thread_${failing.replace("-", "_")}`
    })
  }
  return yield* Effect.never
}, Effect.scoped)
