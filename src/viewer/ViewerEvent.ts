/** What a viewer is told of the sessions it watches, in the order in which it may show it. */
import type { MetadataRefused } from "../ctf/metadata/MetadataRefused.ts"
import type { TraceClass } from "../ctf/model/TraceClass.ts"
import type { PacketIndex, ViewedStream } from "./ViewerMerge.ts"

/** One entry of the relay's list. A recording session of several tracing domains has one entry for each. */
export interface Session {
  readonly id: bigint
  readonly hostname: string
  readonly sessionName: string
  /** 0 when it cannot be watched live. */
  readonly liveTimerMicros: number
  readonly clientCount: number
  /** Streams, those of metadata included. */
  readonly streamCount: number
  readonly traceFormat: "ctf-1.8" | "ctf-2.0"
}

/** What a viewer learns of a live session (live.md §7, §8). */
export type ViewerEvent =
  | {
      readonly _tag: "StreamAdded"
      readonly stream: ViewedStream
      /** Nothing in the stream happened before this time, in nanoseconds. Undefined: that is not known. */
      readonly horizon: bigint | undefined
    }
  /** More of a trace's metadata, as stored: packets with their padding, or text. `stream` is the metadata stream. */
  | {
      readonly _tag: "Metadata"
      readonly stream: ViewedStream
      readonly bytes: Uint8Array
      /** All that is declared so far; the same object grows. */
      readonly traceClass: TraceClass | undefined
      /** Why metadata was not understood, in this event and all later ones. Packets are told all the same. */
      readonly refused: MetadataRefused | undefined
    }
  | {
      readonly _tag: "Packet"
      readonly stream: ViewedStream
      readonly index: PacketIndex
      /**
       * Without the padding at its end, though its header counts that, unless the attachment is `withPadding`: decoders
       * of whole packets, as `DataStream.inMemory`, need it.
       */
      readonly bytes: Uint8Array
      /** It begins before something that was shown already: the relay learnt of it too late. */
      readonly isLate: boolean
    }
  /** A packet was announced, but cleared or overwritten before it could be read. */
  | { readonly _tag: "PacketLost"; readonly stream: ViewedStream; readonly index: PacketIndex }
  /** The stream has nothing more before `timestamp` (cycles). Told at once, whatever other streams wait for. */
  | { readonly _tag: "Inactive"; readonly stream: ViewedStream; readonly timestamp: bigint }
  /** The stream has said nothing for some live periods, and holds nothing back until it says something again. */
  | { readonly _tag: "Silent"; readonly stream: ViewedStream }
  | {
      readonly _tag: "StreamEnded"
      readonly stream: ViewedStream
      /** The relay has more of the stream, and cannot read it. */
      readonly isCut: boolean
    }
  /** A session has begun under the name that is watched: it is watched, too, from its beginning. */
  | { readonly _tag: "SessionJoined"; readonly session: Session }
  /** A session has begun under that name, but the relay does not let us watch it; `reason` in words. */
  | { readonly _tag: "SessionRefused"; readonly session: Session; readonly reason: string }
  | {
      readonly _tag: "SessionEnded"
      readonly sessionId: bigint
      /** It may go on, but the relay does not show it to us any more. */
      readonly isWithdrawn: boolean
    }
