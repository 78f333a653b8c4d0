/**
 * Journals that are over, with their owners, for edges that have not heard of it: at most so many. Of the owner who has
 * most the oldest is forgotten, so nobody forgets another's for the sake of its own.
 */
export class Remembered {
  readonly #countMax: number
  /** Owners by token, the oldest first. */
  readonly #owners = new Map<string, string>()
  readonly #counts = new Map<string, number>()

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  has(token: string): boolean {
    return this.#owners.has(token)
  }

  /** Answers which one is forgotten for it. */
  add(token: string, owner: string): ReadonlyArray<string> {
    if (this.has(token)) return []
    this.#owners.set(token, owner)
    this.#count(owner, 1)
    const oldest = this.#owners.size > this.#countMax ? this.#oldest() : undefined
    if (oldest === undefined) return []
    this.delete(oldest)
    return [oldest]
  }

  delete(token: string): void {
    const owner = this.#owners.get(token)
    if (owner === undefined) return
    this.#owners.delete(token)
    this.#count(owner, -1)
  }

  #count(owner: string, more: number): void {
    const count = (this.#counts.get(owner) ?? 0) + more
    if (count === 0) this.#counts.delete(owner)
    else this.#counts.set(owner, count)
  }

  /** Of those who have most. */
  #oldest(): string | undefined {
    let most = 0
    for (const count of this.#counts.values()) most = Math.max(most, count)
    for (const [token, owner] of this.#owners) if (this.#counts.get(owner) === most) return token
    return undefined
  }
}
