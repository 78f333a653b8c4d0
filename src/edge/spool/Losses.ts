/** What an edge has thrown away since it began, by session and reason; sessions that are over included. */

/**
 * For want of room, because it had waited for too long, because the session was ended for want of room, or because the
 * relay had ended it.
 */
export type Reason = "drop" | "age" | "stop" | "ended"

export interface Loss {
  /** HOST/SESSION. */
  readonly name: string
  readonly policy: Reason
  packetCount: number
  byteCount: number
}

/** So many sessions are listed by name; the losses of older ones are added up under one name. */
const nameCountMax = 500
/** That name; no session has it. */
const others = "/"

/** A part of a session that has ended at the relay alone: what its consumer daemon still says is passed over there. */
export interface LostPart {
  /** HOST/SESSION. */
  readonly name: string
  /** Which one, and why, as the relay says. */
  readonly why: string
}

/** So many parts are listed, the latest. */
const partsListed = 100

export class Losses {
  readonly #all = new Map<string, Loss>()
  readonly parts: Array<LostPart> = []
  /** Of all parts. */
  partCount = 0

  addPart(part: LostPart): void {
    this.partCount++
    this.parts.push(part)
    if (this.parts.length > partsListed) this.parts.shift()
  }

  add(name: string, policy: Reason, packetCount: number, byteCount: number): void {
    if (packetCount === 0) return
    const loss = this.#of(name, policy)
    loss.packetCount += packetCount
    loss.byteCount += byteCount
    if (this.#all.size <= nameCountMax) return
    for (const [key, oldest] of this.#all) {
      if (oldest.name === others) continue
      this.#all.delete(key)
      this.add(others, oldest.policy, oldest.packetCount, oldest.byteCount)
      return
    }
  }

  #of(name: string, policy: Reason): Loss {
    const key = `${policy} ${name}`
    const known = this.#all.get(key)
    if (known !== undefined) return known
    const loss = { name, policy, packetCount: 0, byteCount: 0 }
    this.#all.set(key, loss)
    return loss
  }

  get all(): ReadonlyArray<Loss> {
    return [...this.#all.values()]
  }
}
