/**
 * All sessions, streams and chunks of one relay, and their ids (streaming.md §4, §11.6): from 1 on, or in no order that
 * others know, and never reused. Sessions are fibers of the registry's scope.
 */
import { Cause, Context, Effect, Fiber, FiberMap, Layer, Option } from "effect"
import * as Report from "../errors/Report.ts"
import { randomBytes } from "../Machine.ts"
import { Pool } from "../memory/Blocks.ts"
import { RecentPackets } from "../memory/RecentPackets.ts"
import type { OutputGrouping } from "../model/Path.ts"
import { keyCount, Serial } from "../model/Serial.ts"
import type { Sync } from "../model/Sync.ts"
import { TraceStore } from "../storage/TraceStore.ts"
import { Contention } from "../thread/Contention.ts"
import type { CloseReason } from "./CloseReason.ts"
import * as Events from "./Events.ts"
import { Incidents } from "./Incidents.ts"
import { Journals } from "./journal/Journals.ts"
import type { Passage } from "./journal/Taken.ts"
import { Namesakes } from "./Namesakes.ts"
import { Outbox } from "./Outbox.ts"
import { Admission } from "./party/Admission.ts"
import { Allowances } from "./party/Allowances.ts"
import type { Permissions } from "./party/Party.ts"
import * as Beacon from "./session/Beacon.ts"
import { Chunks, keyOf } from "./session/Chunks.ts"
import { Directories } from "./session/Directories.ts"
import type { Identity } from "./session/Identity.ts"
import { SessionActor } from "./session/SessionActor.ts"
import type { Surroundings } from "./session/Surroundings.ts"
import { Vanished } from "./session/Vanished.ts"
import { Gather } from "./stream/Gather.ts"
import { SharedReads } from "./stream/SharedReads.ts"
import type { StreamActor } from "./stream/StreamActor.ts"
import type { LiveCache } from "./stream/StreamSession.ts"
import { Tally } from "./Tally.ts"
import * as Totals from "./Totals.ts"
import { Vigil } from "./Vigil.ts"
import { Listings } from "./viewer/Listings.ts"

export interface Options {
  readonly grouping: OutputGrouping
  /** May change. */
  allowClear: boolean
  /** Bytes between sockets and files, over all connections. */
  readonly memoryBytesMax: number
  /** A second viewer of a session is refused, as the reference does. May change. */
  singleViewer: boolean
  /** Bytes of packets that are kept in memory for viewers, over all sessions; 0 = none. */
  readonly liveCacheBytes: number
  /** Absent: nothing is synced. */
  readonly sync?: Sync
  /** Called when a session has left the registry. */
  readonly onSessionEnd?: ((id: number) => void) | undefined
  /** Called when a stream is closed: its handle is unknown from then on. */
  readonly onStreamEnd?: ((handle: number) => void) | undefined
  /** False: targets that say nothing are not taken for gone. */
  readonly judgesSilence?: boolean
  /** How many journals may be open, suspended ones included. May change. */
  journalCountMax: number
  /** Set in an edge, which keeps nothing: what it does with the journals of other edges. */
  readonly passage?: Passage | undefined
  /** How long sessions wait for an edge that is gone. */
  readonly suspendMillis: number
}

/** One half is for viewers at the tail, one for viewers behind it: neither takes the other's. */
const liveCacheOf = (bytesMax: number): LiveCache | undefined =>
  bytesMax === 0 ? undefined : { recent: new RecentPackets(bytesMax / 2), reads: new SharedReads(bytesMax / 2) }

/**
 * A target waits for the answer to each index, so few halves wait for the other; but while its data is held back, as
 * many as its socket buffers have packets.
 */
const halvesBytesMax = 64 * 1024 * 1024

/** Done when what the session received is in its files, as far as they can be written. */
const synced = (session: SessionActor): Effect.Effect<void> =>
  Effect.suspend(() => {
    const open = [...session.streams.values()]
    const written = Effect.forEach(open, ({ log }) => Effect.ignore(log.synced), { discard: true })
    return Effect.andThen(session.completed, written)
  })

/** The surroundings of sessions, and what connections need besides. */
export interface Service extends Surroundings {
  readonly options: Options
  readonly pool: Pool
  /** Memory for halves of indexes. */
  readonly halves: Pool
  readonly vigil: Vigil
  readonly outbox: Outbox
  readonly admission: Admission
  /** What parties may do. */
  readonly permissions: Permissions
  readonly directories: Directories
  readonly tally: Tally
  readonly sessions: ReadonlyMap<number, SessionActor>
  readonly namesakes: Namesakes
  readonly listings: Listings
  /** Ids are spent by failed attempts too. */
  readonly nextSessionId: () => number
  /** Starts the session's fiber; the session leaves the registry when it ends. */
  readonly add: (identity: Identity) => Effect.Effect<SessionActor>
  /** Ends a session at once; done when it has left the registry. False: there is none of that number. */
  readonly end: (id: number, reason: CloseReason) => Effect.Effect<boolean>
  readonly nextViewerSessionId: () => bigint
  /** Runs what nobody waits for; it is complete before the relay is stopped. */
  readonly background: (work: Effect.Effect<void>) => void
  /** Ends every session as on the reference's shutdown and waits until its files are complete. */
  readonly drain: Effect.Effect<void>
}

export class Registry extends Context.Service<Registry, Service>()("lttng-relay/Registry") {
  static readonly layer = (options: Options) =>
    Layer.effect(
      Registry,
      Effect.gen(function* () {
        const store = yield* TraceStore
        const sessions = new Map<number, SessionActor>()
        const namesakes = new Namesakes()
        const vanished = new Vanished()
        const streams = new Map<number, StreamActor>()
        const incidents = new Incidents(yield* Report.Counts)
        const chunks = new Chunks(incidents)
        store.roomWait.onWait = ({ message }) => incidents.report("JOURNAL_WAITS", message)
        const journals = yield* Journals.make
        const directories = new Directories(store, incidents, (journal) => journals.open.has(journal))
        const contention = new Contention()
        const vigil = new Vigil(() => contention.isShort())
        const events = yield* Events.make
        const beacons = yield* Beacon.make
        const fibers = yield* FiberMap.make<number, void, never>()
        // Keyed by number: objects that look alike would be one key.
        const actions = yield* FiberMap.make<number, void, never>()
        const runAction = yield* FiberMap.runtime(actions)<never>()
        let lastAction = 0
        const tracingSessions = new Map<string, Set<SessionActor>>()

        const background: Service["background"] = (work) => {
          runAction(++lastAction, work)
        }
        events.onDefect = (defect) => background(incidents.report("LISTENER_DEFECT", undefined, Cause.die(defect)))
        const permissions: Permissions = {
          rightsOf: undefined,
          allowances: new Allowances(store, incidents, background)
        }
        // Where access rules hold, ids are not consecutive: nobody can tell from its own how many others there are.
        const serial = () =>
          new Serial(
            () => permissions.rightsOf !== undefined,
            () => [...new Uint32Array(Uint8Array.from(randomBytes(4 * keyCount)).buffer)]
          )
        const [sessionIds, streamHandles, traceIds, viewerSessionIds] = [serial(), serial(), serial(), serial()]

        const registry: Service = {
          options,
          store,
          incidents,
          directories,
          admission: new Admission(),
          permissions,
          pool: new Pool(options.memoryBytesMax),
          halves: new Pool(halvesBytesMax, halvesBytesMax),
          gather: new Gather(() => vigil.isForOne),
          outbox: new Outbox(),
          vigil,
          tally: new Tally(serial()),
          journals,
          events,
          beacons,
          judgesSilence: options.judgesSilence ?? true,
          onStalled: (session, isOver) =>
            Effect.suspend(() => {
              if (isOver) {
                session.abort("target vanished")
                return Effect.void
              }
              events.publish({ _tag: "SessionStalled", sessionId: session.id })
              const silent = sessions.get(session.id)
              if (silent !== undefined) vanished.look(silent)
              return incidents.report("SESSION_STALLED")
            }),
          liveCache: liveCacheOf(options.liveCacheBytes),
          totals: Totals.none(),
          chunks,
          sessions,
          namesakes,
          listings: new Listings(events),
          streams,
          nextStreamHandle: () => streamHandles.next(),
          nextTraceId: () => BigInt(traceIds.next()),
          nextSessionId: () => sessionIds.next(),
          nextViewerSessionId: () => BigInt(viewerSessionIds.next()),
          add: (identity) =>
            Effect.gen(function* () {
              const session = new SessionActor(identity, registry, (owner, chunk) => {
                const retired = Effect.tap(chunks.retire(owner, chunk), () =>
                  Effect.sync(() => {
                    const { id: chunkId, archivedPath: path } = chunk
                    if (chunkId === undefined || path === undefined) return
                    events.publish({ _tag: "RotationCompleted", sessionId: session.id, chunkId, path })
                  })
                )
                runAction(++lastAction, retired)
              })
              sessions.set(session.id, session)
              namesakes.begin(identity)
              identity.held.begun(synced(session))
              const key = keyOf(identity.owner)
              const siblings = tracingSessions.get(key) ?? new Set()
              tracingSessions.set(key, siblings.add(session))
              session.siblings = siblings
              vanished.begun(session)
              const ended = Effect.sync(() => {
                sessions.delete(session.id)
                vanished.ended(session)
                namesakes.end(identity, session.closedTotals, session.viewers.stallCount)
                identity.held.release()
                if (identity.hasChunks) directories.release(identity.outputPath)
                const { id: sessionId, isAborted } = session
                events.publish({ _tag: "SessionClosed", sessionId, isAborted, outputPath: identity.outputPath })
                options.onSessionEnd?.(session.id)
                siblings.delete(session)
                if (siblings.size === 0 && tracingSessions.get(key) === siblings) tracingSessions.delete(key)
              })
              yield* FiberMap.run(fibers, session.id, Effect.ensuring(session.run, ended))
              const { sessionName: name, hostname, outputPath } = identity
              events.publish({ _tag: "SessionCreated", sessionId: session.id, name, hostname, outputPath })
              return session
            }),
          end: (id, reason) =>
            Effect.suspend(() => {
              const fiber = Option.getOrUndefined(FiberMap.getUnsafe(fibers, id))
              if (fiber === undefined) return Effect.succeed(false)
              sessions.get(id)?.abort(reason)
              return Effect.as(Fiber.await(fiber), true)
            }),
          background,
          drain: Effect.gen(function* () {
            registry.journals.stop()
            store.roomWait.end()
            for (const session of sessions.values()) session.abort("relay stopped")
            yield* Effect.forEach(sessions.values(), (session) => session.ended, { discard: true })
            yield* FiberMap.awaitEmpty(actions)
          })
        }
        return Registry.of(registry)
      })
    )
}
