/**
 * The trace chunks in use, by session-daemon session (streaming.md §11.5). Relay sessions of one tracing session find
 * each other's chunks here. A chunk leaves only after its close action is done on disk.
 */
import { Deferred, Effect } from "effect"
import type { Incidents } from "../Incidents.ts"
import type { TraceChunk } from "../TraceChunk.ts"

/** Identifies a tracing session over all its relay sessions: session daemon, and session id in it. */
export interface Owner {
  readonly sessiondUuid: string
  readonly sessionKey: bigint
  /** Its names, where access rules hold: nobody else has what is theirs. Otherwise nothing. */
  readonly names?: string
  /** The journal that brings it. What others bring of the tracing session is apart: each has a history of its own. */
  readonly journal?: string | undefined
}

/** Of the tracing session, whoever brings it. */
export const tracingKeyOf = ({ names = "", sessiondUuid, sessionKey }: Owner) => `${sessiondUuid}${names}/${sessionKey}`

export const keyOf = (owner: Owner) => `${tracingKeyOf(owner)}/${owner.journal ?? ""}`

const awaitAll = (all: ReadonlyArray<Deferred.Deferred<void>>): Effect.Effect<void> =>
  Effect.forEach(all, (done) => Deferred.await(done), { discard: true })

export class Chunks {
  /** Those of each owner, by their ids. No owner's map is empty. */
  readonly #chunks = new Map<string, Map<bigint, TraceChunk>>()
  readonly #incidents: Incidents
  readonly #retiring = new Map<TraceChunk, Deferred.Deferred<void>>()

  constructor(incidents: Incidents) {
    this.#incidents = incidents
  }

  get count(): number {
    let count = 0
    for (const { size } of this.#chunks.values()) count += size
    return count
  }

  #find(owner: Owner, chunkId: bigint): TraceChunk | undefined {
    return this.#chunks.get(keyOf(owner))?.get(chunkId)
  }

  /** The chunk, with one more reference that the caller must release; undefined also while its close action runs. */
  acquire(owner: Owner, chunkId: bigint): TraceChunk | undefined {
    const chunk = this.#find(owner, chunkId)
    if (chunk === undefined || this.#retiring.has(chunk)) return undefined
    chunk.retain()
    return chunk
  }

  exists(owner: Owner, chunkId: bigint): boolean {
    return this.#find(owner, chunkId) !== undefined
  }

  /** Makes `chunk` known under its id, or answers the one that already is, with one more reference. */
  publish(owner: Owner, chunkId: bigint, chunk: TraceChunk): TraceChunk {
    const existing = this.acquire(owner, chunkId)
    if (existing !== undefined) return existing
    const own = this.#chunks.get(keyOf(owner)) ?? new Map()
    this.#chunks.set(keyOf(owner), own.set(chunkId, chunk))
    return chunk
  }

  /** Nobody uses the chunk any more, and its close action is not done. */
  isSettling(owner: Owner, chunkId: bigint): boolean {
    const chunk = this.#find(owner, chunkId)
    return chunk !== undefined && this.#retiring.has(chunk)
  }

  /** Done when the chunk, if nobody uses it any more, is in its final place; at once while it is used. */
  settled(owner: Owner, chunkId: bigint): Effect.Effect<void> {
    return Effect.suspend(() => {
      const chunk = this.#find(owner, chunkId)
      const retiring = chunk === undefined ? undefined : this.#retiring.get(chunk)
      return retiring === undefined ? Effect.void : Deferred.await(retiring)
    })
  }

  /** Done when every chunk of `owner` that nobody uses is in its final place. */
  allSettled(owner: Owner): Effect.Effect<void> {
    return Effect.suspend(() => awaitAll(this.#retiringOf(owner)))
  }

  #retiringOf(owner: Owner): ReadonlyArray<Deferred.Deferred<void>> {
    const own = [...(this.#chunks.get(keyOf(owner))?.values() ?? [])]
    return own.flatMap((chunk) => this.#retiring.get(chunk) ?? [])
  }

  /**
   * Runs the close action of a chunk that nobody uses any more, then forgets the chunk even if that failed: others wait
   * for it. One chunk after the other: each lies in the same temporary directory on its way to the archive.
   */
  retire(owner: Owner, chunk: TraceChunk): Effect.Effect<void> {
    const earlier = this.#retiringOf(owner)
    const done = Deferred.makeUnsafe<void>()
    this.#retiring.set(chunk, done)
    const closed = Effect.gen({ self: this }, function* () {
      yield* awaitAll(earlier)
      for (const failure of yield* chunk.closeAction) {
        yield* this.#incidents.report("CHUNK_UNSETTLED", failure.message)
      }
    }).pipe(Effect.catchCause((cause) => this.#incidents.report("CHUNK_UNSETTLED", undefined, cause)))
    const forgotten = Effect.sync(() => {
      const own = this.#chunks.get(keyOf(owner))
      for (const [id, known] of own ?? []) if (known === chunk) own?.delete(id)
      if (own?.size === 0) this.#chunks.delete(keyOf(owner))
      this.#retiring.delete(chunk)
      Deferred.doneUnsafe(done, Effect.void)
    })
    return Effect.ensuring(closed, forgotten)
  }
}
