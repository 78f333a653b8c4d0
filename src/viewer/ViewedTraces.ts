/** The metadata of the traces that are watched: what was fetched of it, and what is still to be asked for. */
import { Effect, Result } from "effect"
import { GrowingMetadata } from "../ctf/metadata/GrowingMetadata.ts"
import type { ClockClass } from "../ctf/model/TraceClass.ts"
import * as GetMetadata from "../protocol/live/GetMetadata.ts"
import { type ExchangeFailed, ReplyMalformed } from "../transport/Exchange.ts"
import { metadataBytesMax, type ViewerConnection } from "./ViewerConnection.ts"
import type { ViewerEvent } from "./ViewerEvent.ts"
import type { ViewedStream } from "./ViewerMerge.ts"

/** A trace: one metadata stream and what it has declared. */
export interface ViewedTrace {
  metadata: ViewedStream | undefined
  readonly declared: GrowingMetadata
  byteCount: number
  isWanted: boolean
  isComplete: boolean
  /** How many of its data streams have not ended. Undefined: there was none yet. */
  openCount: number | undefined
}

/** At the end of a session: how often metadata that the relay announced but could not read is asked for. */
const lastAttemptsMax = 2

/** Metadata of all traces that have not ended. */
const allBytesMax = 1024 * 1024 * 1024

const { Status } = GetMetadata

/** Tracers use one clock for all streams of a trace. */
export const clockOf = ({ declared }: ViewedTrace): ClockClass | undefined =>
  declared.traceClass?.clocks.values().next().value

export class ViewedTraces {
  readonly #connection: Pick<ViewerConnection, "metadata">
  readonly #tell: (event: ViewerEvent) => void
  readonly #traces = new Map<bigint, ViewedTrace>()
  /** Of all traces that are remembered. */
  #byteCount = 0

  constructor(connection: Pick<ViewerConnection, "metadata">, tell: (event: ViewerEvent) => void) {
    this.#connection = connection
    this.#tell = tell
  }

  of(id: bigint): ViewedTrace {
    const known = this.#traces.get(id)
    if (known !== undefined) return known
    const trace: ViewedTrace = {
      metadata: undefined,
      declared: new GrowingMetadata(),
      byteCount: 0,
      isWanted: false,
      isComplete: false,
      openCount: undefined
    }
    this.#traces.set(id, trace)
    return trace
  }

  /** Wants more metadata of traces without open data streams: the answer says whether it is over. */
  wantOfEnded(): void {
    for (const trace of this.#traces.values()) if (trace.openCount === 0) trace.isWanted = true
  }

  /** Fetches all metadata that is wanted. */
  ask(): Effect.Effect<void, ExchangeFailed> {
    return Effect.gen({ self: this }, function* () {
      for (const [id, trace] of this.#traces) {
        // Applications come and go; what they declared goes with them.
        if (trace.isComplete && trace.openCount === 0) this.#forget(id, trace)
        if (!trace.isWanted || trace.isComplete || trace.metadata === undefined) continue
        trace.isWanted = false
        yield* this.#fetch(trace, trace.metadata)
      }
    })
  }

  /** Fetches the rest of the metadata of a session that has ended, and forgets its traces. */
  finish(sessionId: bigint): Effect.Effect<void, ExchangeFailed> {
    return Effect.gen({ self: this }, function* () {
      for (const [id, trace] of this.#traces) {
        const { metadata } = trace
        if (metadata?.sessionId !== sessionId) continue
        trace.isWanted = true
        for (let left = lastAttemptsMax; left > 0 && trace.isWanted && !trace.isComplete; left--) {
          trace.isWanted = false
          yield* this.#fetch(trace, metadata)
        }
        this.#complete(trace, metadata)
        this.#forget(id, trace)
      }
    })
  }

  /** Nothing more comes of the trace's metadata. */
  #complete(trace: ViewedTrace, stream: ViewedStream): void {
    if (trace.isComplete) return
    trace.isComplete = true
    this.#tell({ _tag: "StreamEnded", stream, isCut: false })
  }

  #forget(id: bigint, { byteCount }: ViewedTrace): void {
    this.#byteCount -= byteCount
    this.#traces.delete(id)
  }

  get size(): number {
    return this.#traces.size
  }

  /** Fetches until the relay has no more. An error says that the metadata stream is closed, not that it failed. */
  #fetch(trace: ViewedTrace, stream: ViewedStream): Effect.Effect<void, ExchangeFailed> {
    return Effect.gen({ self: this }, function* () {
      while (true) {
        const { data, status } = yield* this.#connection.metadata(stream.id)
        if (status === Status.error) this.#complete(trace, stream)
        if (status !== Status.ok) return
        // It was announced, but is not readable yet: it is asked for again before the next question.
        trace.isWanted = data.length === 0
        if (trace.isWanted) return
        trace.byteCount += data.length
        this.#byteCount += data.length
        if (trace.byteCount > metadataBytesMax || this.#byteCount > allBytesMax) {
          const reason = `has more than ${metadataBytesMax} bytes for one trace, or ${allBytesMax} for all`
          return yield* new ReplyMalformed({ command: GetMetadata.name, reason })
        }
        const grown = trace.declared.append(data)
        const refused = Result.isFailure(grown) ? grown.failure : undefined
        this.#tell({ _tag: "Metadata", stream, bytes: data, traceClass: trace.declared.traceClass, refused })
      }
    })
  }
}
