/** What users of a plan have made of it, by their own key. The first two are found without a search, once per event. */
export class Compiled {
  #firstKey: object | undefined = undefined
  #first: unknown = undefined
  #secondKey: object | undefined = undefined
  #second: unknown = undefined
  readonly #others = new WeakMap<object, unknown>()

  /** What the user with this key has made. */
  get(key: object): unknown {
    if (key === this.#firstKey) return this.#first
    if (key === this.#secondKey) return this.#second
    return this.#others.get(key)
  }

  /** Keeps it. */
  set(key: object, value: unknown): void {
    if (this.#firstKey === undefined || key === this.#firstKey) {
      this.#firstKey = key
      this.#first = value
    } else if (this.#secondKey === undefined || key === this.#secondKey) {
      this.#secondKey = key
      this.#second = value
    } else {
      this.#others.set(key, value)
    }
  }
}
