/**
 * How much the spool may have: its limit, or what its disk has room for where that is less. Something of the disk is
 * left free: a spool that is full has to write a little more before the relay can put a mark, after which it is freed.
 */
import type { Capacity } from "../../storage/Capacity.ts"

/** Records that the relay has carried out and not marked may exceed the limit by so many bytes. */
const beyondBytesMax = 64 * 1024 * 1024
/**
 * Bytes of the disk that are left free. The relay can make no mark between a packet and its index, and sockets may hold
 * much in between: all that must find room. On a small disk it is half.
 */
const reserveBytesOf = (totalBytes: number): number =>
  Math.min(beyondBytesMax, Math.max(totalBytes / 8, Math.min(reserveBytesMin, totalBytes / 2)))
const reserveBytesMin = 16 * 1024 * 1024

/** So much may lie beyond the bound in any case. */
const commandBytes = 1024 * 1024

const ampleBytesMin = 256 * 1024 * 1024

export class Room {
  readonly #limit: number
  #diskBytesMax = Number.POSITIVE_INFINITY
  #reserve = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** `byteCount`: bytes that are in the spool now. */
  look({ freeBytes, totalBytes }: Capacity, byteCount: number): void {
    this.#reserve = reserveBytesOf(totalBytes)
    this.#diskBytesMax = Math.max(0, byteCount + freeBytes - this.#reserve)
  }

  get #isOfDisk(): boolean {
    return this.#diskBytesMax < this.#limit
  }

  /** For the log: how much there is, and what keeps it from being more. */
  fullness(byteCount: number): string {
    if (!this.#isOfDisk) return `${byteCount} of ${this.#limit} bytes`
    return `${byteCount} bytes, and its disk, of which ${Math.round(this.#reserve)} bytes stay free, has room for no more`
  }

  /** There is so much room that spare files do no harm. */
  get isAmple(): boolean {
    return !this.#isOfDisk || this.#diskBytesMax > ampleBytesMin
  }

  get bytesMax(): number {
    return Math.min(this.#limit, this.#diskBytesMax)
  }

  /** So many bytes may lie beyond the bound, of what is needed before something can be freed. */
  get #beyondBytes(): number {
    return this.#isOfDisk ? this.#reserve : beyondBytesMax
  }

  /**
   * Up to how many bytes packets are taken for which the relay waits. It can make a mark only between packets, and when
   * it has the index of each. So the end of a packet is taken for longer than a new one, and indexes for longest.
   */
  packetBytesMax(ends: boolean): number {
    return this.bytesMax + (ends ? 3 / 4 : 1 / 4) * this.#beyondBytes
  }

  /** The same for commands, which are small. */
  commandBytesMax(isAwaited: boolean): number {
    return this.bytesMax + (isAwaited ? this.#beyondBytes : Math.min(commandBytes, this.#beyondBytes))
  }
}
