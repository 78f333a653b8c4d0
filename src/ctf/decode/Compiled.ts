/** What users of a plan have compiled for it, by keys of their own. The first two are found without a search. */
export class Compiled {
  #firstKey: object | undefined = undefined
  #first: unknown = undefined
  #secondKey: object | undefined = undefined
  #second: unknown = undefined
  /** Made when needed: of a thousand traces there are many of these. */
  #others: WeakMap<object, unknown> | undefined = undefined

  /** The value that was set for this key; undefined if none was. */
  get(key: object): unknown {
    if (key === this.#firstKey) return this.#first
    if (key === this.#secondKey) return this.#second
    return this.#others?.get(key)
  }

  /** Keeps a value for this key. */
  set(key: object, value: unknown): void {
    if (this.#firstKey === undefined || key === this.#firstKey) {
      this.#firstKey = key
      this.#first = value
    } else if (this.#secondKey === undefined || key === this.#secondKey) {
      this.#secondKey = key
      this.#second = value
    } else {
      this.#others ??= new WeakMap()
      this.#others.set(key, value)
    }
  }
}
