/**
 * The first packet of a stream that a viewer learns of while it watches.
 *
 * A user-space tracer sets up an application's buffers, and so begins their first packets, before it announces the
 * streams; nothing happens in them until it has. Meanwhile the viewer may have been told that other streams were quiet
 * beyond that begin, and babeltrace ends when a packet begins before what it has shown. So for the viewer the packet
 * begins where the others had come to: in the index record, and in the packet itself. One that ends even before that,
 * without an event, ends there, too. The trace files keep what the tracer sent.
 */
import { Effect } from "effect"
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
  readonly from: bigint
  readonly begin: bigint
  readonly end: bigint
}

export class LateBegin {
  #shownUntil: number
  #moved: Moved | undefined

  /** `shownUntil`: the time to which the viewer may have shown events when the stream was announced, in cycles. */
  constructor(shownUntil: number) {
    this.#shownUntil = shownUntil
  }

  /** The viewer is told of the stream now: it was led there by times up to `told`, each a cycle after the other. */
  announce(told: bigint): void {
    this.#shownUntil = Math.max(this.#shownUntil, Number(told))
  }

  /** Moves the begin in a record that is about to be answered, of a packet at `offset`. False: it is late enough. */
  answer(record: Buffer, offset: number, cyclesPerMilli: number | undefined): boolean {
    const [from, to] = [record.readBigUInt64BE(offsets.timestampBegin), record.readBigUInt64BE(offsets.timestampEnd)]
    const begin = roundedUp(this.#shownUntil) + BigInt(Math.ceil(allowanceMillis * (cyclesPerMilli ?? 0)))
    this.#moved = undefined
    if (from >= begin) return false
    const end = begin > to ? begin : to
    this.#moved = { offset, from, begin, end }
    record.writeBigUInt64BE(begin, offsets.timestampBegin)
    record.writeBigUInt64BE(end, offsets.timestampEnd)
    return true
  }

  /** Whether a viewer gets other bytes than the file has. */
  isIn({ byteCount, from }: Range): boolean {
    if (this.#moved === undefined) return false
    const { offset } = this.#moved
    return from < offset + CtfPacket.headBytes && from + byteCount > offset
  }

  /** `send` for a range that it is in. */
  send(range: Range, head: Buffer, take: TakePiece, send: SendRange): Effect.Effect<void, FileFailed> {
    const moved = this.#moved
    if (moved === undefined) return send(range, head, take)
    const pieces: Array<Buffer> = []
    const look = send({ from: moved.offset, byteCount: CtfPacket.headBytes }, Buffer.alloc(0), (piece, sent) => {
      pieces.push(Buffer.from(piece))
      sent?.()
      return Effect.void
    })
    const moving = Effect.suspend(() => send(range, head, changing(moved, Buffer.concat(pieces), range, head, take)))
    return Effect.andThen(Effect.ignore(look), moving)
  }
}

/** Takes the pieces of `range` behind `head`, and gives them to `take` with the begin moved. */
const changing = (moved: Moved, packetHead: Buffer, { from }: Range, head: Buffer, take: TakePiece): TakePiece => {
  if (CtfPacket.head(packetHead)?.timestampBegin !== moved.from) return take
  const times = CtfPacket.timesBytes(packetHead, moved.begin, moved.end)
  const timesAt = moved.offset + CtfPacket.timesAt
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
