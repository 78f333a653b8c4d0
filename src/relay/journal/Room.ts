/**
 * How many journals a relay has open: each holds memory, and a file, for as long as `--suspend` says, whoever opened it
 * and is gone. They are counted once for all that ask within a second.
 */
import { clockMillis } from "../../Machine.ts"
import { hasRoom } from "../../model/JournalRoom.ts"

/** A journal as it is counted. */
export interface Guest {
  readonly standing: {
    /** Its owner: principals of the access rules, or a certificate's key, or a network. */
    readonly owner: string
    /** What it waits for: a right, a quota or room; undefined: for nothing. */
    readonly waiting: unknown
  }
  /** It was not let in yet, and so is not counted. */
  readonly isOutside: boolean
}

const censusMillisMax = 1000

export class Room {
  readonly #guests: () => Iterable<Guest>
  readonly #coming: () => number
  readonly #owned = new Map<string, number>()
  #openCount = 0
  #countedAt = Number.NEGATIVE_INFINITY

  /** `coming`: how many others have their files open already, and will be guests. */
  constructor(guests: () => Iterable<Guest>, coming: () => number) {
    this.#guests = guests
    this.#coming = coming
  }

  /** Whether it may come in, of at most `countMax`; it is counted from then on. */
  admits(guest: Guest, countMax: number): boolean {
    if (clockMillis() - this.#countedAt > censusMillisMax) this.#recount()
    const has = hasRoom(this.#openCount + this.#coming(), this.ownedCount(guest), countMax)
    if (has) this.#add(guest)
    return has
  }

  ownedCount({ standing: { owner } }: Guest): number {
    return this.#owned.get(owner) ?? 0
  }

  /** One is gone, or has come unasked. */
  change(): void {
    this.#countedAt = Number.NEGATIVE_INFINITY
  }

  #recount(): void {
    this.#owned.clear()
    this.#openCount = 0
    this.#countedAt = clockMillis()
    for (const guest of this.#guests()) if (!guest.isOutside) this.#add(guest)
  }

  #add({ standing: { owner } }: Guest): void {
    this.#openCount++
    this.#owned.set(owner, (this.#owned.get(owner) ?? 0) + 1)
  }
}
