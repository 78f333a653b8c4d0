/**
 * Where several tracers send large packets at once, each is read again only after a moment, if little came: a sender
 * that is as quick as the reader would be read in the pieces that it sends, and each costs a turn of the loop, here and
 * at the relay. One alone waits for its answer, and is read at once.
 */

/** A moment: much longer than a part takes to come. */
export const restMillis = 1

/** Fewer would have less to say than could be read in the moment. */
const crowdCountMin = 4
/** Who brought something in the same window is there at once. */
const windowMillis = 10

/** So much at a time is read as it comes. */
const muchBytes = 192 * 1024
/** Of the packet, yet to come: less is soon there. */
const restBytesMin = 256 * 1024

/** A connection that brings packets. */
export interface Member {
  /** In which it brought something last. */
  window: number
}

export class Crowd {
  #window = 1
  #begunAt = Number.NEGATIVE_INFINITY
  #count = 0
  #countBefore = 0

  /** It brought `byteCount` bytes, and is to bring `restBytes` more of a packet. True: it is read after a moment. */
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
