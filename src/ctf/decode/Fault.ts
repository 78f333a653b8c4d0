/**
 * Why a stream cannot be decoded further, and where. Faults are thrown inside `decode` and never leave it: callers get
 * them as values (`Failure`).
 */

/**
 * The kinds of the specification's corpus, and `io`: the file could not be read; `gone`: what was listed is there no
 * more.
 */
export type FaultKind =
  | "bad-magic"
  | "unknown-stream-class"
  | "unknown-event-class"
  | "packet-size"
  | "data-short"
  | "byte-order-change"
  | "variant-no-option"
  | "varint-too-long"
  | "empty-event"
  | "stream-changes-in-file"
  | "clock-overflow"
  | "clock-mismatch"
  | "too-many-elements"
  | "bad-text"
  | "io"
  | "gone"

export class Fault {
  readonly kind: FaultKind
  readonly detail: string

  constructor(kind: FaultKind, detail: string) {
    this.kind = kind
    this.detail = detail
  }
}

/** Why and where decoding stopped, for people. */
export interface Failure {
  readonly kind: FaultKind
  readonly message: string
  /** Name of the file or live stream. */
  readonly stream: string
  /** Number of the packet in its stream, from 0. */
  readonly packet: number
  /** Byte offset of the packet in its file. */
  readonly offset: number
  /** Position in the packet, in bits. */
  readonly bit: number
  /** Name of the event record's class, if that was known. */
  readonly event: string | undefined
}

/** The window has fewer bits than are needed. If the packet has more, its reader loads them and tries again. */
export const short = new Fault("data-short", "more bits are needed than there are")
