/** The operator's port of an edge, which has a relay but no daemon: of its options only verbosity can be changed. */
import { Effect, Layer, Schema, type Scope } from "effect"
import * as HttpPort from "../config/HttpPort.ts"
import { ReloadRefused } from "../config/Reloaded.ts"
import { Relay } from "../Relay.ts"
import { type EdgeFigures, edgeSamples } from "../telemetry/EdgeReading.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import * as AdminServer from "./AdminServer.ts"
import { Operations, type PassedSession } from "./Operations.ts"
import type { Check } from "./Readiness.ts"

export interface Options extends Omit<Telemetry.Options, "moreSamples"> {
  readonly port: HttpPort.HttpPort
  /** The bearer token; undefined: there is none. */
  readonly token: string | undefined
  /** The options of the process, without secrets. */
  readonly configuration: Schema.Json
  readonly log: { verbosity: number; readonly lastLines: ReadonlyArray<string> }
  readonly edge: () => EdgeFigures
  readonly passing: () => ReadonlyArray<PassedSession>
  /** Checks of readiness besides those of every relay. */
  readonly moreChecks: () => ReadonlyArray<Check>
}

export class HttpRefused extends Schema.TaggedError<HttpRefused>()("HttpRefused", {
  address: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `--http-port=${this.address}: ${this.reason}`
  }
}

const operations = ({ configuration, log, passing }: Options) =>
  Operations.of({
    reload: Effect.fail(new ReloadRefused({ reasons: ["its options are those of its command line"] })),
    verbosity: Effect.sync(() => log.verbosity),
    setVerbosity: (verbosity) =>
      Effect.sync(() => {
        log.verbosity = verbosity
      }),
    configuration: Effect.succeed(configuration),
    lastLines: Effect.sync(() => [...log.lastLines]),
    passing: Effect.sync(passing)
  })

/** Serves until the scope closes. */
export const serve = (relay: Relay["Service"], options: Options): Effect.Effect<void, HttpRefused, Scope.Scope> => {
  const { descriptorLimit, edge, moreChecks, port, token } = options
  const isUnix = port._tag === "Unix"
  const server = AdminServer.layer({
    listen: isUnix ? { path: port.path } : { host: port.host, port: port.port },
    policy: { token, isLocal: HttpPort.isLocal(port), hidesEvents: false },
    names: { isLoopback: !isUnix && HttpPort.isLocal(port), hosts: [] },
    hasDoors: false,
    descriptorLimit,
    moreChecks
  })
  const address = isUnix ? port.path : `${port.host}:${port.port}`
  const telemetry = Telemetry.layer({ ...options, moreSamples: () => edgeSamples(edge()) })
  return Layer.build(Layer.provide(server, telemetry)).pipe(
    Effect.provideService(Relay, relay),
    Effect.provideService(Operations, operations(options)),
    Effect.catchCause((cause) => Effect.fail(new HttpRefused({ address, reason: AdminServer.reasonOf(cause) }))),
    Effect.asVoid
  )
}
