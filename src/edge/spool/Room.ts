/**
 * How much the spool may have: its limit, or what its disk has room for where that is less. Something of the disk is
 * left free: a spool that is full has to write a little more before the relay can put a mark, after which it is freed.
 */
import type { Capacity } from "../../storage/Capacity.ts"

/** What the relay has carried out and not put down: that much of it may lie beyond the limit. */
const beyondBytesMax = 64 * 1024 * 1024
/**
 * Of a disk that is left free. What a tracer has said may lie in two sockets, and the relay can put no mark between a
 * packet there and its index, which overtakes it: as much has to find room. Of a small disk half is for that.
 */
const reserveBytesOf = (totalBytes: number): number =>
  Math.min(beyondBytesMax, Math.max(totalBytes / 8, Math.min(reserveBytesMin, totalBytes / 2)))
const reserveBytesMin = 16 * 1024 * 1024

/** Beyond the bound, in any case. */
const commandBytes = 1024 * 1024

const ampleBytesMin = 256 * 1024 * 1024

export class Room {
  readonly #limit: number
  #diskBytesMax = Number.POSITIVE_INFINITY
  #reserve = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** `byteCount`: what the spool has now. */
  look({ freeBytes, totalBytes }: Capacity, byteCount: number): void {
    this.#reserve = reserveBytesOf(totalBytes)
    this.#diskBytesMax = Math.max(0, byteCount + freeBytes - this.#reserve)
  }

  get #isOfDisk(): boolean {
    return this.#diskBytesMax < this.#limit
  }

  /** For people: what it has, and what keeps it from having more. */
  fullness(byteCount: number): string {
    if (!this.#isOfDisk) return `${byteCount} of ${this.#limit} bytes`
    return `${byteCount} bytes, and its disk, of which ${Math.round(this.#reserve)} bytes stay free, has room for no more`
  }

  /** Files that are longer than what counts of them do no harm. */
  get isAmple(): boolean {
    return !this.#isOfDisk || this.#diskBytesMax > ampleBytesMin
  }

  get bytesMax(): number {
    return Math.min(this.#limit, this.#diskBytesMax)
  }

  /** So much may lie beyond it, of what is needed before something can be freed. */
  get #beyondBytes(): number {
    return this.#isOfDisk ? this.#reserve : beyondBytesMax
  }

  /**
   * Up to where packets are taken for which the relay waits: it can put down a mark only between packets, and when it
   * has the index of each. So what `ends` one finds room for longer than one that would begin, and indexes for longest.
   */
  packetBytesMax(ends: boolean): number {
    return this.bytesMax + (ends ? 3 / 4 : 1 / 4) * this.#beyondBytes
  }

  /** The same for commands; those that the relay does not wait for are few bytes. */
  commandBytesMax(isAwaited: boolean): number {
    return this.bytesMax + (isAwaited ? this.#beyondBytes : Math.min(commandBytes, this.#beyondBytes))
  }
}
