/**
 * The edge, composed: a relay that answers tracers and keeps nothing, a spool of what they said, and a fiber per
 * journal that brings it to the relay.
 */

import { Cause, Context, Effect, FiberMap, Layer, Schedule, type Scope } from "effect"
import { edgePoolSizeOf } from "../config/Descriptors.ts"
import type { ListenAddress } from "../config/RelayConfig.ts"
import { defaults } from "../config/RelayDefaults.ts"
import { report } from "../errors/Report.ts"
import { uuidDigits } from "../Machine.ts"
import type { Tap } from "../Ports.ts"
import * as Relay from "../Relay.ts"
import { type FileFailed, Files } from "../storage/Files.ts"
import * as Dial from "../transport/Dial.ts"
import { acquaint } from "./forwarding/Acquaintance.ts"
import { forward } from "./forwarding/Forwarder.ts"
import { LinkState } from "./forwarding/LinkState.ts"
import { Meter } from "./forwarding/Meter.ts"
import type { Pace } from "./forwarding/Pace.ts"
import type { Mode } from "./forwarding/Packing.ts"
import type { Addresses } from "./forwarding/plain/Conversation.ts"
import { Route } from "./forwarding/Route.ts"
import { Setting } from "./journal/Dates.ts"
import { open } from "./pass/Passing.ts"
import * as Spool from "./spool/Spool.ts"
import * as CopyFiles from "./tap/CopyFiles.ts"
import * as DiscardFiles from "./tap/DiscardFiles.ts"
import { Journals } from "./tap/Journals.ts"
import { TappedControl } from "./tap/TappedControl.ts"
import { TappedData } from "./tap/TappedData.ts"

export interface Options {
  readonly to: Addresses
  /** Where tracers find it. */
  readonly control: ListenAddress
  readonly data: ListenAddress
  /** Absolute path. */
  readonly directory: string
  readonly bytesMax: number
  readonly policyOf: Spool.Options["policyOf"]
  readonly ageMillisMax: number | undefined
  /** Answers wait until what was said is synced, not only written. */
  readonly isSynced: boolean
  readonly pace: Pace
  /** If set, what tracers say is also recorded here, for viewers of this host. */
  readonly copy?: { readonly directory: string; readonly live: ListenAddress } | undefined
  /** Compression of what goes to the relay, if that unpacks. */
  readonly compression: Mode
  /** The edge's name at the relay. */
  readonly name: string
  readonly memory?: Spool.Options["memory"]
  readonly capacity?: Spool.Options["capacity"]
  /** What the process may have; absent: as many as a relay that is told nothing. */
  readonly descriptorCount?: number | undefined
  /** How long a message that another edge has brought in part waits for its rest. */
  readonly goneMillisMax?: number | undefined
}

export interface Edge {
  /** What the tracers of this host talk to. */
  readonly relay: Relay.Relay["Service"]
  readonly spool: Spool.Spool
  readonly link: LinkState
  readonly meter: Meter
  readonly route: Route
}

/** Logged once: a full disk fails with every packet. */
const copyFailed = () => {
  let isTold = false
  return ({ message }: FileFailed) =>
    Effect.suspend(() => {
      if (isTold) return Effect.void
      isTold = true
      return report("COPY_FAILED", message)
    })
}

/** Without a copy there is nothing to show to viewers. */
const nowhere: ListenAddress = { host: "127.0.0.1", port: 0 }

/**
 * Packet memory of a relay that keeps nothing: what it is given is gone with the turn, or some milliseconds later where
 * little came of many at once.
 */
const memoryBytesMax = 8 * 1024 * 1024

/** How often rates and ages are measured. */
const lookInterval = "1 second"

/** A disk that hangs must not keep the edge from ending. */
const lastWrites = "5 seconds"

/** After a defect a session is forwarded again this much later. */
const defectWait = "10 seconds"

/** All of an edge but what tracers talk to. */
export interface Upstream extends Omit<Edge, "relay"> {
  /** For a relay that keeps nothing. */
  readonly tap: Tap
}

/** Forwards the journal until nothing of it is left here, also if a fault of ours ends that before. */
const forwarded = (...[journal, how]: Parameters<typeof forward>): Effect.Effect<void> =>
  Effect.catchDefect(forward(journal, how), (defect) => {
    const told = report("FORWARDING_DEFECT", journal.about.name, Cause.die(defect))
    const again = Effect.suspend(() => forwarded(journal, how))
    return Effect.andThen(told, Effect.delay(again, defectWait))
  })

/** Continues with what is in the spool. */
export const upstream = (
  options: Omit<Options, "control" | "data">,
  dial: typeof Dial.dial = Dial.dial
): Effect.Effect<Upstream, FileFailed, Files | Scope.Scope> =>
  Effect.gen(function* () {
    const { compression, goneMillisMax, to, name: edgeName, pace } = options
    const route = new Route(to)
    const edgeId = uuidDigits()
    const link = new LinkState()
    const spool = yield* Spool.make({ ...options, files: yield* Files })
    const meter = new Meter(spool, link)
    const setting = new Setting()
    const look = Effect.gen(function* () {
      meter.look()
      yield* spool.look
      if (setting.isNew) yield* spool.redate
    })
    yield* spool.look
    yield* Effect.forkScoped(Effect.repeat(look, Schedule.spaced(lookInterval)))
    yield* Effect.addFinalizer(() => Effect.timeoutOption(spool.written, lastWrites))
    const forwarders = yield* FiberMap.make<string, void>()
    const run = yield* FiberMap.runtime(forwarders)<never>()
    spool.onJournal = (journal, before) => {
      const how = { route, edgeName, edgeId, spool, pace, compression, link, meter, dial, goneMillisMax }
      run(journal.token, Effect.andThen(before, forwarded(journal, how)))
    }
    yield* spool.recover
    yield* Effect.forkScoped(spool.age)
    const journals = new Journals(spool, () => link.relay)
    const tap: Tap = {
      control: (peer) => new TappedControl(peer, journals),
      data: (peer) => new TappedData(peer, journals),
      onSessionEnd: (id) => journals.sessionEnded(id),
      onStreamEnd: (handle) => journals.streamEnded(BigInt(handle)),
      passage: { edges: () => [edgeId, ...(link.relay?.edges ?? [])], open: open(spool) }
    }
    return { spool, link, meter, route, tap }
  })

/** Runs until the scope closes: then tracers are let go first, and what they said is written last. */
export const make = (
  options: Options
): Effect.Effect<Edge, Relay.ListenFailed | Relay.ConfigInvalid | FileFailed, Files | Scope.Scope> =>
  Effect.gen(function* () {
    const { tap, ...rest } = yield* upstream(options)
    const { bytesMax, control, copy, data, descriptorCount, directory } = options
    yield* acquaint(rest.route, rest.link, Dial.dial)
    const kept = { output: copy?.directory ?? directory, live: copy?.live ?? nowhere }
    const liveCacheBytes = copy === undefined ? 0 : defaults.liveCacheBytes
    const files = copy === undefined ? DiscardFiles.service : CopyFiles.make(yield* Files, copyFailed())
    const memory = copy === undefined ? { memoryBytesMax } : {}
    const segmentCount = Math.ceil(bytesMax / Spool.segmentBytesMax)
    const fdPoolSize =
      descriptorCount === undefined ? defaults.fdPoolSize : edgePoolSizeOf(descriptorCount, segmentCount)
    const config = { ...defaults, ...kept, ...memory, control, data, liveCacheBytes, fdPoolSize }
    const layer = Relay.layerTapped(config, tap).pipe(Layer.provide(Layer.succeed(Files, files)))
    const relay = Context.get(yield* Layer.build(Layer.fresh(layer)), Relay.Relay)
    return { relay, ...rest }
  })
