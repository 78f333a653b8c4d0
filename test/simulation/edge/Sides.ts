/** An edge and a relay of a simulated world: all of both, over files in memory, without ports. */
import { Cause, Context, Effect, FiberSet, Layer, type Scope } from "effect"
import { defaults } from "../../../src/config/RelayDefaults.ts"
import * as ControlConnection from "../../../src/connection/ControlConnection.ts"
import * as DataConnection from "../../../src/connection/DataConnection.ts"
import { restore } from "../../../src/connection/journal/Restoration.ts"
import * as Edge from "../../../src/edge/Edge.ts"
import * as Pace from "../../../src/edge/forwarding/Pace.ts"
import type { Policy } from "../../../src/edge/spool/Overflow.ts"
import * as DiscardFiles from "../../../src/edge/tap/DiscardFiles.ts"
import { Slabs } from "../../../src/memory/Landing.ts"
import type { Sync } from "../../../src/model/Sync.ts"
import type { Tap } from "../../../src/Ports.ts"
import { Registry } from "../../../src/relay/Registry.ts"
import { Files } from "../../../src/storage/Files.ts"
import { TraceStore } from "../../../src/storage/TraceStore.ts"
import type { Peer } from "../../../src/transport/Peer.ts"
import { Control, PeerDouble } from "../../connection/doubles.ts"
import type { SimulatedLink } from "./SimulatedLink.ts"

export const output = "/out"
export const spoolDirectory = "/spool"

/** What targets play to. */
export interface Side {
  readonly registry: Registry["Service"]
  readonly control: Effect.Effect<Control, never, Scope.Scope>
  readonly data: Effect.Effect<PeerDouble, never, Scope.Scope>
  /** Of targets: all that were made. */
  readonly peers: ReadonlyArray<PeerDouble>
  readonly serve: (peer: Peer) => void
}

interface Options {
  readonly files: Files["Service"]
  readonly sync: Sync
  readonly tap?: Tap
  readonly suspendMillis?: number | undefined
}

/** Targets are held back for as long as the spool has no room. */
const patience = "10 minutes"

const stopTimeout = "10 seconds"

export const relay = ({ files, suspendMillis, sync, tap }: Options): Effect.Effect<Side, never, Scope.Scope> =>
  Effect.gen(function* () {
    const store = TraceStore.layerNoDeps({
      output,
      syncsNames: sync !== "none",
      openFileCountMax: 50,
      deviceOperationCountMax: 4
    }).pipe(Layer.provide(Layer.succeed(Files, files)))
    const layer = Registry.layer({
      grouping: "host",
      allowClear: true,
      memoryBytesMax: 8 * 1024 * 1024,
      singleViewer: false,
      journalCountMax: 4096,
      liveCacheBytes: 0,
      sync,
      suspendMillis: suspendMillis ?? defaults.suspendMillis,
      onSessionEnd: tap?.onSessionEnd,
      onStreamEnd: tap?.onStreamEnd,
      passage: tap?.passage,
      judgesSilence: tap === undefined
    }).pipe(Layer.provide(store))
    const registry = Context.get(yield* Layer.build(Layer.fresh(layer)), Registry)
    yield* Effect.addFinalizer(() => Effect.timeoutOption(registry.drain, stopTimeout))
    const serves = { control: ControlConnection.serve, data: DataConnection.serve }
    yield* Effect.orDie(restore(registry, serves))
    const connections = yield* FiberSet.make<void>()
    const run = yield* FiberSet.runtime(connections)<never>()
    const slabs = new Slabs()
    const peers: Array<PeerDouble> = []
    const serve = (peer: Peer, role: "control" | "data") =>
      void run(
        serves[role](tap === undefined ? peer : tap[role](peer)).pipe(
          Effect.provideService(Registry, registry),
          Effect.catchCause((cause) =>
            Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError("connection failed", String(cause))
          ),
          Effect.ensuring(Effect.sync(() => peer.destroy()))
        )
      )
    const double = (role: "control" | "data") =>
      Effect.sync(() => {
        const peer = new PeerDouble(`target ${peers.length}`, slabs)
        peer.patience = patience
        peers.push(peer)
        serve(peer, role)
        return peer
      })
    return {
      registry,
      peers,
      control: Effect.map(double("control"), (peer) => new Control(peer)),
      data: double("data"),
      serve: (peer) => serve(peer, "control")
    }
  })

const nowhere = { host: "the relay", port: 5342 }

export interface EdgeOptions {
  readonly bytesMax: number
  readonly isSynced: boolean
  readonly policy?: Policy | undefined
}

/** A relay for targets that keeps nothing, and what it hears on its way to `link`. */
export const edge = (
  { files, isGone }: { readonly files: Files["Service"]; readonly isGone: () => boolean },
  link: SimulatedLink,
  { bytesMax, isSynced, policy = "hold" }: EdgeOptions
): Effect.Effect<{ readonly side: Side; readonly upstream: Edge.Upstream }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const upstream = yield* Edge.upstream(
      {
        to: { control: nowhere, data: nowhere },
        directory: spoolDirectory,
        bytesMax,
        isSynced,
        pace: Pace.unlimited,
        policyOf: () => policy,
        ageMillisMax: undefined,
        compression: "off",
        name: "here"
      },
      () => link.dial(isGone)
    ).pipe(Effect.provideService(Files, files), Effect.orDie)
    const side = yield* relay({ files: DiscardFiles.service, sync: "none", tap: upstream.tap })
    return { side, upstream }
  })
