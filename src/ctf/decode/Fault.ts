/**
 * Why a stream cannot be decoded further: its kind, and where. Faults are thrown inside `decode` and never leave it:
 * what asks for packets and events gets them as values.
 */

/** The kinds of the specification's corpus; `io` is the file's own. */
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

export class Fault {
  readonly kind: FaultKind
  readonly detail: string

  constructor(kind: FaultKind, detail: string) {
    this.kind = kind
    this.detail = detail
  }
}

/** Where decoding stopped, for people: `bit` counts from the packet's first. */
export interface Failure {
  readonly kind: FaultKind
  readonly message: string
  /** The file or live stream. */
  readonly stream: string
  /** Of the stream, from 0. */
  readonly packet: number
  /** Of the packet in its file, in bytes. */
  readonly offset: number
  readonly bit: number
  /** The event record's name, when it was known. */
  readonly event: string | undefined
}

/** More bits are needed than the window has. Whether the packet has them, its reader knows: no place is lost yet. */
export const short = new Fault("data-short", "more bits are needed than there are")
