/**
 * How many packets behind the one that a viewer asks for are read with it. One visit to a file costs as much as sending
 * several small packets; but what is read ahead lies in memory that all viewers share, and is in vain if others need
 * that first. So it grows while everything is used, and shrinks when something was evicted.
 */
import type { Range } from "../stream/FileContent.ts"

const aheadBytesMin = 16 * 1024
/** Of larger packets, a visit costs little beside the bytes. */
const aheadBytesMax = 64 * 1024

/** Where the packet of record `seq` lies, in the data file of the one before; undefined: the viewer may not read it. */
export type PlaceOf = (seq: number) => Range | undefined

export class ReadAhead {
  #bytes = aheadBytesMin
  /** The number of the first record that was not read ahead. */
  #until = -1

  /** The packet of record `seq` has to be read, `range` of its file: answers what may be read with it. */
  behind(seq: number, range: Range, placeOf: PlaceOf): ReadonlyArray<Range> {
    if (seq < this.#until) this.#bytes = Math.floor(this.#bytes / 2)
    else if (seq === this.#until) this.#bytes = Math.min(Math.max(this.#bytes * 2, aheadBytesMin), aheadBytesMax)
    const ranges: Array<Range> = []
    let next = range.from + range.byteCount
    for (let left = this.#bytes - range.byteCount; ; ) {
      const place = placeOf(seq + 1 + ranges.length)
      if (place === undefined || place.from !== next) break
      left -= place.byteCount
      if (left < 0) break
      ranges.push(place)
      next += place.byteCount
    }
    this.#until = seq + 1 + ranges.length
    return ranges
  }
}
