/**
 * Packets that stay, whatever has to be dropped. Without some the relay would wait for ever: the newest of each stream,
 * since a stream ends with a packet, and those on either side of a rotation, since a chunk does. Without the first of a
 * stream readers would not know what is missing: they count between two packets.
 */
import * as RotateStreams from "../../protocol/control/RotateStreams.ts"

const { offsets, size } = RotateStreams.position

export class Needed {
  readonly #first = new Map<bigint, bigint>()
  readonly #newest = new Map<bigint, bigint>()
  /** By stream: where it was rotated. */
  readonly #rotations = new Map<bigint, Set<bigint>>()

  packet(stream: bigint, sequence: bigint): void {
    if (!this.#first.has(stream)) this.#first.set(stream, sequence)
    this.#newest.set(stream, sequence)
  }

  /** `payload[from, to)` is that of ROTATE_STREAMS. */
  rotation(payload: Buffer, from: number, to: number): void {
    if (to - from < 4) return
    const positions = to - payload.readUInt32BE(from) * size
    for (let at = positions; at >= from && at < to; at += size) {
      const stream = payload.readBigUInt64BE(at + offsets.streamId)
      const rotations = this.#rotations.get(stream) ?? new Set()
      rotations.add(payload.readBigUInt64BE(at + offsets.rotateAtSeqNum))
      this.#rotations.set(stream, rotations)
    }
  }

  has(stream: bigint, sequence: bigint): boolean {
    if (this.#newest.get(stream) === sequence || this.#first.get(stream) === sequence) return true
    const rotations = this.#rotations.get(stream)
    return rotations !== undefined && (rotations.has(sequence) || rotations.has(sequence + 1n))
  }
}
