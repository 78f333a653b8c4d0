/**
 * What of each stream was said to a relay that takes no journals, and what it has for sure: it hears packets and
 * indexes by two connections, and confirms only what it is asked for. Pure.
 */
import { u64Max } from "../../../protocol/Struct.ts"

/** Numbers of packets. */
interface Told {
  /** The last that has begun, that is whole, and whose index was sent. */
  begun?: bigint
  whole?: bigint
  indexed?: bigint
  /** The relay has all up to this one. */
  arrived?: bigint
  /** The stream ends with it. */
  last?: bigint
}

const untold: Told = {}

export class Arrivals {
  /** By the relay's handle. */
  readonly #streams = new Map<bigint, Told>()

  get streams(): ReadonlyArray<bigint> {
    return [...this.#streams.keys()]
  }

  #of(stream: bigint): Told {
    const told = this.#streams.get(stream) ?? {}
    this.#streams.set(stream, told)
    return told
  }

  begun(stream: bigint, packet: bigint): void {
    this.#of(stream).begun = packet
  }

  whole(stream: bigint, packet: bigint): void {
    this.#of(stream).whole = packet
  }

  indexed(stream: bigint, packet: bigint): void {
    this.#of(stream).indexed = packet
  }

  arrived(stream: bigint, packet: bigint): void {
    this.#of(stream).arrived = packet
  }

  /** The last packet, if the relay may not have it yet. */
  due(stream: bigint): bigint | undefined {
    const { arrived, begun } = this.#streams.get(stream) ?? untold
    return begun === arrived ? undefined : begun
  }

  /** The last of which packet and index were sent, if the relay may not have it yet: it will. */
  sure(stream: bigint): bigint | undefined {
    const { arrived, indexed, whole } = this.#streams.get(stream) ?? untold
    if (whole === undefined || indexed === undefined) return undefined
    const sure = whole < indexed ? whole : indexed
    return arrived !== undefined && arrived >= sure ? undefined : sure
  }

  /** The relay has closed it. True: nothing of it comes any more; else packets that were heard later do. */
  closed(stream: bigint, last: bigint): boolean {
    const told = this.#of(stream)
    told.last = last
    return last === u64Max || told.begun === last
  }

  /** The packet is the last one of a stream that the relay has closed. */
  isLast(stream: bigint, packet: bigint): boolean {
    return this.#streams.get(stream)?.last === packet
  }

  forget(stream: bigint): void {
    this.#streams.delete(stream)
  }
}
