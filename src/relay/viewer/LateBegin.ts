/**
 * The first packet of a stream that a viewer learns of while it watches.
 *
 * A user-space tracer sets up an application's buffers, and so begins their first packets, before it announces the
 * streams; nothing happens in them until it has. Meanwhile the viewer may have been told that other streams were quiet
 * beyond that begin, and babeltrace ends when a packet begins before what it has shown. So for the viewer the packet
 * begins where the others had come to: in the index record, and in the packet itself. One that ends even before that,
 * without an event, ends there, too. The trace files keep what the tracer sent.
 *
 * What is no such tracer, or is sent long after it was recorded, may have events before: see `answer`.
 */
import { Effect } from "effect"
import type { Description } from "../../model/Description.ts"
import * as CtfPacket from "../../protocol/CtfPacket.ts"
import { offsets } from "../../protocol/live/GetNextIndex.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { Range, TakePiece } from "../stream/FileContent.ts"

/** Gives `head` and a range of the data file to `take`. */
export type SendRange = (range: Range, head: Buffer, take: TakePiece) => Effect.Effect<void, FileFailed>

/** Offsets between the clocks of two traces are measured to a few microseconds; nothing happens so soon. */
const allowanceMillis = 0.01

interface Moved {
  /** Of the packet, in its data file. */
  readonly offset: number
  /** Of the packet's begin and end, as its head has them. */
  readonly times: Uint8Array
}

/** What the trace's metadata describes. */
export type Described = Pick<Description, "cyclesPerMilli" | "firstEvent">

export class LateBegin {
  readonly #described: Described | undefined
  #shownUntil: number
  #moved: Moved | undefined

  /** `shownUntil`: the time to which the viewer may have shown events when the stream was announced, in cycles. */
  constructor(shownUntil: number, described: Described | undefined) {
    this.#shownUntil = shownUntil
    this.#described = described
  }

  /** The viewer is told of the stream now: it was led there by times up to `told`, each a cycle after the other. */
  announce(told: bigint): void {
    this.#shownUntil = Math.max(this.#shownUntil, Number(told))
  }

  get #begin(): bigint {
    const allowance = Math.ceil(allowanceMillis * (this.#described?.cyclesPerMilli ?? 0))
    return roundedUp(this.#shownUntil) + BigInt(allowance)
  }

  /** Whether the packet of this record begins too early: `answer` has to know how it begins then. */
  isEarly(record: Buffer): boolean {
    return record.readBigUInt64BE(offsets.timestampBegin) < this.#begin
  }

  /**
   * Moves the begin in a record that is about to be answered, of a packet at `offset` whose first bytes are
   * `beginning`. A packet with an earlier event stays as it is, and so does one that cannot be understood: a viewer
   * would show its events at wrong times.
   */
  answer(record: Buffer, offset: number, beginning: Buffer): void {
    const [from, to] = [record.readBigUInt64BE(offsets.timestampBegin), record.readBigUInt64BE(offsets.timestampEnd)]
    this.#moved = undefined
    const head = CtfPacket.head(beginning)
    if (head?.timestampBegin !== from || head.timestampEnd !== to) return
    const first = this.#described?.firstEvent(beginning)
    const soonest = this.#begin
    const begin = typeof first === "bigint" && first < soonest ? first : soonest
    if (this.#described === undefined || first === "unknown" || begin < roundedUp(this.#shownUntil)) return
    const end = begin > to ? begin : to
    record.writeBigUInt64BE(begin, offsets.timestampBegin)
    record.writeBigUInt64BE(end, offsets.timestampEnd)
    this.#moved = { offset, times: CtfPacket.timesBytes(beginning, begin, end) }
  }

  /** Whether a viewer gets other bytes than the file has. */
  isIn({ byteCount, from }: Range): boolean {
    if (this.#moved === undefined) return false
    const { offset, times } = this.#moved
    const at = offset + CtfPacket.timesAt
    return from < at + times.length && from + byteCount > at
  }

  /** `send` for a range that it is in. */
  send(range: Range, head: Buffer, take: TakePiece, send: SendRange): Effect.Effect<void, FileFailed> {
    return Effect.suspend(() => send(range, head, this.#moved ? changing(this.#moved, range, head, take) : take))
  }
}

/** Takes the pieces of `range` behind `head`, and gives them to `take` with the begin moved. */
const changing = ({ offset, times }: Moved, { from }: Range, head: Buffer, take: TakePiece): TakePiece => {
  const timesAt = offset + CtfPacket.timesAt
  let at = from - head.length
  return (piece, sent) => {
    const pieceAt = at
    at += piece.length
    if (timesAt + times.length <= pieceAt || timesAt >= at) return take(piece, sent)
    // The piece may be lent to other viewers as well.
    const changed = Buffer.from(piece)
    for (const [index, byte] of times.entries()) {
      const place = timesAt + index
      if (place >= from && place >= pieceAt && place < at) changed[place - pieceAt] = byte
    }
    sent?.()
    return take(changed)
  }
}

/** Not less than the integer that was rounded to this number. */
const roundedUp = (cycles: number): bigint => BigInt(Math.ceil(cycles)) + BigInt(Math.ceil(cycles * Number.EPSILON))
