/**
 * Where one viewer stands in one stream, and what it is told when it asks for the next index (live.md §7, in the form
 * of §7.6). No I/O and no clock: what depends on files and time is asked of `Surroundings`.
 *
 * Invariants
 * 1. A record is answered at most once and in order of its number; records that are gone are skipped, never repeated.
 * 2. "inactive" is only said when every record the stream received was answered, and while there is no stream that the
 *    viewer does not know, or until a time that the viewer has come to already: time never runs ahead of a packet, of
 *    this stream or of a new one. It never goes back.
 * 3. "hup" is only said when nothing can follow, or nothing that the viewer could read.
 */
import type { Inactivity } from "./Inactivity.ts"
import type { Stream } from "./Stream.ts"

/** The part of a stream's state that decides. */
export type Observed<C> = Pick<
  Stream<C>,
  "indexCount" | "runs" | "inactivity" | "isClosed" | "isRotating" | "inFlightCount" | "isReceivingPacket"
>

/**
 * Streams that the viewer does not know, in any session it is attached to. "imminent": the tracer is announcing them;
 * "coming": it has been doing so for long, or their metadata stream is missing; "due": the viewer would be told of them
 * if it asked.
 */
export type Unknown = "none" | "imminent" | "coming" | "due"

/** Which answers can make the viewer ask for new streams: all; those with a packet; those, and empty indexes. */
export type Heeds = "all" | "packets" | "empty"

/** "never": the metadata is enough for no packet of the trace, and will not be. */
export type Described = "yes" | "not yet" | "never"

/** What is known of the viewer, over all its streams. */
export interface Knowledge {
  readonly unknown: Unknown
  readonly heeds: Heeds
  /**
   * All streams that it reads are announced before anything can happen in them, as LTTng's for user space are: times
   * that were heard before cannot be later than their events, however long ago their first packets began.
   */
  readonly announcesFirst: boolean
  /** The latest time that the viewer was told as that of an inactive stream. */
  latestTold: bigint | undefined
  /** The latest end of any packet that it was told of, as a rounded number. */
  latestEnd: number
}

export interface Surroundings {
  readonly nowMillis: number
  readonly viewer: Knowledge
  /** Whether this session, or another one of the same tracing session, is rotating. */
  readonly isOngoingRotation: boolean
  readonly isConnectionClosed: boolean
  /** Writing has failed for good: what cannot be read now never will be. */
  readonly hasFailed: boolean
  /** Whether the trace's metadata is enough for the packet of a retained record. */
  readonly described: (seq: number) => Described
  /** Whether a retained record came so long ago that the viewer may be told of its times. */
  readonly isRipe: (seq: number) => boolean
  /** Whether the packet of a retained record can be read now. */
  readonly isReadable: (seq: number) => boolean
  /** The viewer has metadata of the trace, one of LTTng's, and more has come since. */
  readonly isMetadataBehind: boolean
  /** Frequency of the timestamps' clock; undefined: not known yet. */
  readonly cyclesPerMilli: number | undefined
}

/**
 * "wait": there is a record, to be answered when the tracer has told of the streams it is about to tell of, or may be
 * setting up, since the packet may end after theirs begin, and of the classes that the packet needs. "empty": an index
 * of no bytes, for a viewer that would not ask for new streams without.
 */
export type Answer = "ok" | "wait" | "retry" | "inactive" | "empty" | "hup"

export class ViewerCursor {
  /** The number of the next record to answer. */
  seq: number
  /** With "inactive": the time up to which the stream has no events. */
  inactiveUntil: bigint | undefined
  /** As `shownUntil`, and exact once a packet was answered; kept only for viewers that heed packets only. */
  answeredUntil = 0n
  /** The time up to which the viewer may have shown events: it is told of no earlier time. Rounded. */
  shownUntil = 0
  #hasAnswered = false

  constructor(seq: number) {
    this.seq = seq
  }

  /** With "ok" the record is `seq`; it counts as answered only after `advance`. */
  next<C>(stream: Observed<C>, around: Surroundings): Answer {
    if (stream.isRotating || around.isOngoingRotation) return "retry"
    this.seq = stream.runs.nextFrom(this.seq, stream.indexCount)
    if (this.seq < stream.indexCount) {
      if (around.isReadable(this.seq)) {
        const described = around.described(this.seq)
        if (described === "never") return "hup"
        if (around.viewer.unknown === "imminent" || described === "not yet") return "wait"
        if (!around.isRipe(this.seq)) return whileUnripe(around.viewer)
        return this.#isHeard(around) ? "ok" : this.#tell(this.answeredUntil, around.viewer)
      }
      return around.hasFailed ? "hup" : "retry"
    }
    const isDrained = stream.inFlightCount === 0 && !stream.isReceivingPacket
    if (stream.isClosed || (around.isConnectionClosed && isDrained)) return "hup"
    return this.#quiet(stream.inactivity, around)
  }

  /**
   * With a packet as a stream's first answer, babeltrace 1.5 does not heed the flag for new metadata, and shows nothing
   * of a trace whose packet it then cannot read. It heeds the flag from the second answer on.
   */
  #isHeard({ isMetadataBehind, viewer }: Surroundings): boolean {
    return this.#hasAnswered || !isMetadataBehind || viewer.heeds !== "packets"
  }

  /** A new stream's first packet may have begun before anything that could be told now. */
  #quiet(inactivity: Inactivity, around: Surroundings): Answer {
    const { viewer } = around
    const { newest } = inactivity
    const { unknown } = viewer
    if (unknown === "due" && newest !== undefined) return this.#onUnknown(newest, viewer)
    const until = unknown === "none" ? this.#untilOf(inactivity, around) : undefined
    if (until === undefined) return "retry"
    return this.#tell(
      this.inactiveUntil === undefined || until > this.inactiveUntil ? until : this.inactiveUntil,
      viewer
    )
  }

  #untilOf(inactivity: Inactivity, { cyclesPerMilli, nowMillis, viewer }: Surroundings): bigint | undefined {
    if (viewer.announcesFirst) return inactivity.soon(nowMillis, cyclesPerMilli, this.shownUntil)
    const early = cyclesPerMilli === undefined ? undefined : inactivity.early(nowMillis, cyclesPerMilli)
    return early !== undefined && Number(early) > this.shownUntil ? early : inactivity.until(nowMillis)
  }

  /**
   * The viewer has to ask for new streams before time goes on. One that does so with a packet only is led from stream
   * to stream, each a step ahead of all the others, until it finds a packet: told to try again, it would ask this
   * stream for ever.
   */
  #onUnknown(newest: bigint, viewer: Knowledge): Answer {
    const { heeds, latestTold } = viewer
    if (heeds === "empty") return "empty"
    if (heeds === "all" || latestTold === undefined) return "retry"
    const told = latestTold > this.answeredUntil ? latestTold : this.answeredUntil
    return told >= newest ? "retry" : this.#tell(told + 1n, viewer)
  }

  #tell(until: bigint, viewer: Knowledge): Answer {
    this.inactiveUntil = until
    this.#hasAnswered = true
    if (viewer.latestTold === undefined || until > viewer.latestTold) viewer.latestTold = until
    return "inactive"
  }

  advance(): void {
    this.#hasAnswered = true
    this.seq++
  }
}

/** The answer for a record that is not ripe: to ask for streams that are due, if the viewer understands that. */
const whileUnripe = ({ heeds, unknown }: Knowledge): Answer => {
  if (unknown !== "due" || heeds === "packets") return "wait"
  return heeds === "empty" ? "empty" : "retry"
}

/** The time up to which a viewer may have shown events when it is told of another stream. */
export const shownUntilOf = ({ latestEnd, latestTold = 0n }: Knowledge): number =>
  Math.max(latestEnd, Number(latestTold))

/** A cursor on the oldest record that is still there. */
export const atBeginning = (): ViewerCursor => new ViewerCursor(0)

/** A cursor behind everything received so far. */
export const atEnd = <C>(stream: Observed<C>): ViewerCursor => new ViewerCursor(stream.indexCount)
