/**
 * Where one viewer stands in one stream, and what it is told when it asks for the next index (live.md §7, in the form
 * of §7.6). No I/O and no clock: what depends on files is asked of `Surroundings`.
 *
 * Invariants
 * 1. A record is answered at most once and in order of its number; records that are gone are skipped, never repeated.
 * 2. "inactive" is only said when every record the stream received was answered: time never runs ahead of a packet.
 * 3. "hup" is only said when nothing can follow.
 */
import type { Stream } from "./Stream.ts"

/** The part of a stream's state that decides. */
export type Observed<C> = Pick<
  Stream<C>,
  "indexCount" | "runs" | "beacon" | "isClosed" | "isRotating" | "inFlightCount" | "isReceivingPacket"
>

export interface Surroundings {
  /** Of this session, or of another one of the same tracing session. */
  readonly isOngoingRotation: boolean
  readonly isConnectionClosed: boolean
  /** Files stopped for good: what cannot be read now never will. */
  readonly hasFailed: boolean
  /** Whether the packet of a retained record can be read now. */
  readonly isReadable: (seq: number) => boolean
}

export type Answer = "ok" | "retry" | "inactive" | "hup"

export class ViewerCursor {
  /** The number of the next record to answer. */
  seq: number

  constructor(seq: number) {
    this.seq = seq
  }

  /** With "ok" the record is `seq`; it counts as answered only after `advance`. */
  next<C>(stream: Observed<C>, around: Surroundings): Answer {
    if (stream.isRotating || around.isOngoingRotation) return "retry"
    this.seq = stream.runs.nextFrom(this.seq, stream.indexCount)
    if (this.seq < stream.indexCount) {
      if (around.isReadable(this.seq)) return "ok"
      return around.hasFailed ? "hup" : "retry"
    }
    const isDrained = stream.inFlightCount === 0 && !stream.isReceivingPacket
    if (stream.isClosed || (around.isConnectionClosed && isDrained)) return "hup"
    return stream.beacon === undefined ? "retry" : "inactive"
  }

  advance(): void {
    this.seq++
  }
}

/** A cursor on the oldest record that is still there. */
export const atBeginning = (): ViewerCursor => new ViewerCursor(0)

/** A cursor behind everything received so far. */
export const atEnd = <C>(stream: Observed<C>): ViewerCursor => new ViewerCursor(stream.indexCount)
