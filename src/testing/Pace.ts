/**
 * Something that takes so many bytes a second, one after the other, as a link or a disk does: it tells when it is
 * through with what it is given now. Time that was not used is not made up for. Pure: the moments are the caller's, in
 * milliseconds.
 */
export class Pace {
  readonly #bytesPerMillisecond: number
  #freeAt = Number.NEGATIVE_INFINITY

  /** Without a rate everything is through at once. */
  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerMillisecond = bytesPerSecond === undefined ? Number.POSITIVE_INFINITY : bytesPerSecond / 1000
  }

  /** When `byteCount` bytes given `now` are through, after all that was given before. */
  take(byteCount: number, now: number): number {
    this.#freeAt = Math.max(now, this.#freeAt) + byteCount / this.#bytesPerMillisecond
    return this.#freeAt
  }

  /** The moment from which on something that is given would wait for less than `millis`. */
  hasRoomAt(millis: number): number {
    return this.#freeAt - millis
  }
}

/** An interval that comes again and again: the last `lastsMillis` of every `everyMillis`. */
export interface Recurring {
  readonly lastsMillis: number
  readonly everyMillis: number
}

/** How many ms something that comes up after `elapsed` ms has to wait for the end of the interval; 0 outside of it. */
export const remaining = ({ everyMillis, lastsMillis }: Recurring, elapsed: number): number => {
  const within = elapsed % everyMillis
  return within < everyMillis - lastsMillis ? 0 : everyMillis - within
}
