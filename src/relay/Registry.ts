/**
 * All sessions, streams and chunks of one relay, and their id counters (streaming.md §4, §11.6). Ids start at 1 and are
 * never reused. Sessions are fibers of the registry's scope.
 */
import { Context, Effect, FiberMap, Layer } from "effect"
import { Pool } from "../memory/Blocks.ts"
import type { OutputGrouping } from "../model/Path.ts"
import { TraceStore } from "../storage/TraceStore.ts"
import { Chunks, type Owner } from "./Chunks.ts"
import * as SessionActor from "./SessionActor.ts"
import type { StreamActor } from "./StreamActor.ts"

export interface Options {
  readonly grouping: OutputGrouping
  readonly allowClear: boolean
  /** Bytes between sockets and files, over all connections. */
  readonly memoryBytesMax: number
}

export class Registry extends Context.Service<
  Registry,
  {
    readonly options: Options
    readonly store: TraceStore["Service"]
    readonly pool: Pool
    readonly chunks: Chunks
    readonly sessions: ReadonlyMap<number, SessionActor.SessionActor>
    /** Streams that packets and commands may name. */
    readonly streams: Map<number, StreamActor>
    readonly nextStreamHandle: () => number
    /** Id of the CTF trace of `path` in a session: streams of one directory share it. */
    readonly nextTraceId: () => bigint
    /** Ids are spent by failed attempts too. */
    readonly nextSessionId: () => number
    /** Starts the session's fiber; the session leaves the registry when it ends. */
    readonly add: (identity: SessionActor.Identity) => Effect.Effect<SessionActor.SessionActor>
    /** True while any relay session of the same tracing session rotates. */
    readonly hasOngoingRotation: (owner: Owner) => boolean
    /** Ends every session as on the reference's shutdown and waits until its files are complete. */
    readonly drain: Effect.Effect<void>
  }
>()("relayd/relay/Registry") {
  static readonly layer = (options: Options) =>
    Layer.effect(
      Registry,
      Effect.gen(function* () {
        const store = yield* TraceStore
        const sessions = new Map<number, SessionActor.SessionActor>()
        const streams = new Map<number, StreamActor>()
        const chunks = new Chunks()
        const fibers = yield* FiberMap.make<number, void, never>()
        const actions = yield* FiberMap.make<object, void, never>()
        const runAction = yield* FiberMap.runtime(actions)<never>()
        let lastSessionId = 0
        let lastStreamHandle = 0
        let lastTraceId = 0n

        const registry: Registry["Service"] = {
          options,
          store,
          pool: new Pool(options.memoryBytesMax),
          chunks,
          sessions,
          streams,
          nextStreamHandle: () => ++lastStreamHandle,
          nextTraceId: () => ++lastTraceId,
          nextSessionId: () => ++lastSessionId,
          add: (identity) =>
            Effect.gen(function* () {
              const session = yield* SessionActor.make(identity, registry, (owner, chunk) => {
                runAction(chunk, chunks.retire(owner, chunk))
              })
              sessions.set(session.id, session)
              const ended = Effect.sync(() => sessions.delete(session.id))
              yield* FiberMap.run(fibers, session.id, Effect.ensuring(session.run, ended))
              return session
            }),
          hasOngoingRotation: (owner) => {
            for (const session of sessions.values()) {
              if (session.isOngoingRotation && session.belongsTo(owner)) return true
            }
            return false
          },
          drain: Effect.gen(function* () {
            for (const session of sessions.values()) session.abort("relay stopped")
            yield* Effect.forEach(sessions.values(), (session) => session.ended, { discard: true })
            yield* FiberMap.awaitEmpty(actions)
          })
        }
        return Registry.of(registry)
      })
    )
}
