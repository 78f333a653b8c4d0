/**
 * Packets that must stay, whatever has to be dropped. Without the newest of each stream, and those on either side of a
 * rotation, the relay would wait for ever, since streams and chunks end with a packet. Without the first of a stream
 * readers could not count what is missing: they count between two packets.
 *
 * Nothing is dropped that the relay has, so a stream that is closed, or a rotation, is forgotten as soon as the relay
 * has it: otherwise a long session, whose streams come and go, would take more and more memory.
 */
import * as RotateStreams from "../../protocol/control/RotateStreams.ts"
import { u64Max } from "../../protocol/Struct.ts"

const { offsets, size } = RotateStreams.position

interface OfStream {
  /** Sequence number. Undefined: there was none yet. */
  first: bigint | undefined
  newest: bigint | undefined
  /** Sequence numbers with which it goes on in another chunk. */
  readonly rotations: Set<bigint>
  /** Those of them that it has not reached. */
  readonly ahead: Set<bigint>
}

/** Is not needed any more once the relay has all up to the record `number`. */
interface Due {
  readonly number: number
  readonly stream: bigint
  /** Undefined: all of the stream. */
  readonly rotation: bigint | undefined
}

export class Needed {
  readonly #streams = new Map<bigint, OfStream>()
  /** Ordered by number. */
  readonly #due: Array<Due> = []

  #of(stream: bigint): OfStream {
    const known = this.#streams.get(stream)
    if (known !== undefined) return known
    const made = { first: undefined, newest: undefined, rotations: new Set<bigint>(), ahead: new Set<bigint>() }
    this.#streams.set(stream, made)
    return made
  }

  /** A packet begins in the record `number` or after it; those before it are whole. */
  packet(stream: bigint, sequence: bigint, number: number): void {
    const one = this.#of(stream)
    one.first ??= sequence
    one.newest = sequence
    if (one.ahead.size > 0) this.#passed(stream, one, sequence, number)
  }

  #passed(stream: bigint, { ahead }: OfStream, sequence: bigint, number: number): void {
    for (const rotation of ahead) {
      if (sequence <= rotation) continue
      ahead.delete(rotation)
      this.#due.push({ number, stream, rotation })
    }
  }

  /** `payload[from, to)` is the payload of ROTATE_STREAMS, in the record after `number`. */
  rotation(payload: Buffer, from: number, to: number, number: number): void {
    if (to - from < 4) return
    const positions = to - payload.readUInt32BE(from) * size
    for (let at = positions; at >= from && at < to; at += size) {
      const stream = payload.readBigUInt64BE(at + offsets.streamId)
      const one = this.#of(stream)
      const sequence = payload.readBigUInt64BE(at + offsets.rotateAtSeqNum)
      if (one.rotations.has(sequence)) continue
      // A stream that rotates again has gone through the earlier rotations, even if it had no packets since.
      this.#passed(stream, one, u64Max, number)
      one.rotations.add(sequence)
      one.ahead.add(sequence)
    }
  }

  /** The stream is closed; all of it lies in records up to `number`. */
  close(stream: bigint, number: number): void {
    if (this.#streams.has(stream)) this.#due.push({ number, stream, rotation: undefined })
  }

  /** The relay has all up to the record `durable`. */
  free(durable: number): void {
    const end = this.#due.findIndex(({ number }) => number > durable)
    for (const { rotation, stream } of this.#due.splice(0, end < 0 ? this.#due.length : end)) {
      if (rotation === undefined) this.#streams.delete(stream)
      else this.#streams.get(stream)?.rotations.delete(rotation)
    }
  }

  /** How many streams and rotations are remembered; one that its stream has not reached counts twice. */
  get size(): number {
    let count = this.#streams.size + this.#due.length
    for (const { ahead, rotations } of this.#streams.values()) count += rotations.size + ahead.size
    return count
  }

  has(stream: bigint, sequence: bigint): boolean {
    const one = this.#streams.get(stream)
    if (one === undefined) return false
    const { first, newest, rotations } = one
    return newest === sequence || first === sequence || rotations.has(sequence) || rotations.has(sequence + 1n)
  }
}
