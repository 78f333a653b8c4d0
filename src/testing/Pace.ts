/**
 * Something that takes so many bytes a second, one after the other, as a link or a disk does: when is it through with
 * what it is given now. Time that was not used is not made up for. Pure: the moments are the caller's, in milliseconds.
 */
export class Pace {
  readonly #bytesPerMillisecond: number
  #freeAt = Number.NEGATIVE_INFINITY

  /** Without a rate everything is through at once. */
  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerMillisecond = bytesPerSecond === undefined ? Number.POSITIVE_INFINITY : bytesPerSecond / 1000
  }

  /** When `byteCount` given `now` are through, behind all that was given before. */
  take(byteCount: number, now: number): number {
    this.#freeAt = Math.max(now, this.#freeAt) + byteCount / this.#bytesPerMillisecond
    return this.#freeAt
  }

  /** Since when, or from when on, what is given would wait for less than `millis`. */
  hasRoomAt(millis: number): number {
    return this.#freeAt - millis
  }
}

/** Comes again and again: the last `lastsMillis` of every `everyMillis`. */
export interface Recurring {
  readonly lastsMillis: number
  readonly everyMillis: number
}

/** How long what comes up at `elapsed` milliseconds has to wait for the end of it; 0 outside of it. */
export const remaining = ({ everyMillis, lastsMillis }: Recurring, elapsed: number): number => {
  const within = elapsed % everyMillis
  return within < everyMillis - lastsMillis ? 0 : everyMillis - within
}
