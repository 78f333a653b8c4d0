/**
 * Connections by where they come from, so that an origin that opens many counts as much as one that opens few. What is
 * scarce goes to each origin in turn; of too many connections the oldest of the origin with most goes.
 */

const firstOf = <Member>([first]: Iterable<Member>): Member | undefined => first

export class ByOrigin<Member> {
  readonly #origins = new Map<string, Set<Member>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  sizeOf(origin: string): number {
    return this.#origins.get(origin)?.size ?? 0
  }

  add(origin: string, member: Member): void {
    const members = this.#origins.get(origin)
    if (members === undefined) this.#origins.set(origin, new Set([member]))
    else members.add(member)
    this.#size++
  }

  /** Answers whether the member was there. */
  delete(origin: string, member: Member): boolean {
    const members = this.#origins.get(origin)
    if (members?.delete(member) !== true) return false
    if (members.size === 0) this.#origins.delete(origin)
    this.#size--
    return true
  }

  /** Removes and answers a member of the next origin that `may`; that origin's next turn is after all others'. */
  take(may: (origin: string) => boolean, which: "oldest" | "youngest" = "oldest"): Member | undefined {
    for (const [origin, members] of this.#origins) {
      if (!may(origin)) continue
      const one = which === "oldest" ? firstOf(members) : [...members].at(-1)
      if (one === undefined) continue
      this.delete(origin, one)
      if (members.size > 0) {
        this.#origins.delete(origin)
        this.#origins.set(origin, members)
      }
      return one
    }
    return undefined
  }

  oldestOf(origin: string): Member | undefined {
    return firstOf(this.#origins.get(origin) ?? [])
  }

  get all(): ReadonlyArray<Member> {
    return [...this.#origins.values()].flatMap((members) => [...members])
  }

  get oldestOfMost(): Member | undefined {
    let most: ReadonlySet<Member> = new Set()
    for (const members of this.#origins.values()) if (members.size > most.size) most = members
    return firstOf(most)
  }
}
