/**
 * A journal names streams by the handles that the edge gave them, but the relay gives its own. The handles are replaced
 * in place: in commands (streaming.md §6) and in the headers of packets.
 */
import * as CloseStream from "../control/CloseStream.ts"
import * as DataPending from "../control/DataPending.ts"
import * as QuiescentControl from "../control/QuiescentControl.ts"
import * as ResetMetadata from "../control/ResetMetadata.ts"
import * as RotateStreams from "../control/RotateStreams.ts"
import * as SendIndex from "../control/SendIndex.ts"
import * as SendMetadata from "../control/SendMetadata.ts"
import { offsets as packetOffsets } from "../data/PacketHeader.ts"
import * as Header from "../Header.ts"
import { u64Max } from "../Struct.ts"

/** Commands whose payload begins with a stream's handle. */
export const beginWithStream: ReadonlySet<number> = new Set([
  CloseStream.number,
  DataPending.number,
  QuiescentControl.number,
  ResetMetadata.number,
  SendIndex.number,
  SendMetadata.number
])

/** Bytes of a position in ROTATE_STREAMS; the positions are the end of its payload. */
const positionBytes = RotateStreams.position.size

export class Handles {
  /** The relay's handles, by the edge's. */
  readonly #given = new Map<bigint, bigint>()

  /** The edge's handles, by the relay's. */
  readonly #edges = new Map<bigint, bigint>()

  set(edges: bigint, relays: bigint): void {
    this.#given.set(edges, relays)
    this.#edges.set(relays, edges)
  }

  /** The edge's handle of a stream of the relay. */
  edgesOf(relays: bigint): bigint | undefined {
    return this.#edges.get(relays)
  }

  /** Forgets all handles but those of the relay that `isMeant`. */
  keep(isMeant: (relays: bigint) => boolean): void {
    for (const [edges, relays] of this.#given) if (!isMeant(relays)) this.#given.delete(edges)
    for (const relays of this.#edges.keys()) if (!isMeant(relays)) this.#edges.delete(relays)
  }

  /** Forgets a handle of the relay, which nothing names any more. */
  forget(relays: bigint): void {
    const edges = this.#edges.get(relays)
    this.#edges.delete(relays)
    if (edges !== undefined) this.#given.delete(edges)
  }

  /** Number of streams that the edge names. */
  get size(): number {
    return this.#given.size
  }

  get entries(): Iterable<readonly [bigint, bigint]> {
    return this.#given
  }

  /** The relay's handle; all ones, which no stream has, if the relay does not have the edge's stream. */
  of(edges: bigint): bigint {
    return this.#given.get(edges) ?? u64Max
  }

  #translate(bytes: Buffer, at: number): void {
    bytes.writeBigUInt64BE(this.of(bytes.readBigUInt64BE(at)), at)
  }

  /** Replaces the handles in a command; `bytes[from, to)` is as much of it as there is, from its header on. */
  inCommand(bytes: Buffer, from: number, to: number): void {
    const command = bytes.readUInt32BE(from + Header.offsets.command)
    const payload = from + Header.size
    if (beginWithStream.has(command)) {
      if (payload + 8 <= to) this.#translate(bytes, payload)
    } else if (command === RotateStreams.number && payload + 4 <= to) {
      const count = bytes.readUInt32BE(payload)
      const positions = to - count * positionBytes
      if (positions < payload) return
      for (let at = positions; at < to; at += positionBytes) this.#translate(bytes, at)
    }
  }

  /** Replaces the handle in a packet, whose header is at `from`. */
  inPacket(bytes: Buffer, from: number): void {
    this.#translate(bytes, from + packetOffsets.streamId)
  }
}
