/**
 * When to let a data connection rest before it is read again, so that reads are large. A sender as fast as the reader
 * is otherwise read in the pieces in which it sends, each of which costs a turn of the loop here and at the relay. Only
 * where several tracers send large packets at once: one alone waits for its answer, and is read at once.
 */

/** How long a rest is: much longer than the next piece takes to come. */
export const restMillis = 1

/** With fewer connections the loop would have nothing to do meanwhile. */
const crowdCountMin = 4
/** Connections that brought something within the same window are counted as being there at once. */
const windowMillis = 10

/** After a read of so much the next one is not put off. */
const muchBytes = 192 * 1024
/** Nor is it where less of the packet is still to come: that is there soon. */
const restBytesMin = 256 * 1024

/** A connection that brings packets. */
export interface Member {
  /** Number of the window in which it brought something last. */
  window: number
}

export class Crowd {
  #window = 1
  #begunAt = Number.NEGATIVE_INFINITY
  #count = 0
  #countBefore = 0

  /** The connection brought `byteCount` bytes; `restBytes` of its packet are to come. True: it is read after a rest. */
  rests(member: Member, now: number, byteCount: number, restBytes: number): boolean {
    if (now - this.#begunAt >= windowMillis) {
      this.#countBefore = now - this.#begunAt < 2 * windowMillis ? this.#count : 0
      this.#begunAt = now
      this.#count = 0
      this.#window++
    }
    if (member.window !== this.#window) this.#count++
    member.window = this.#window
    return this.#countBefore >= crowdCountMin && byteCount < muchBytes && restBytes >= restBytesMin
  }
}
