/**
 * Gives numbers, none of them twice: counted from 1 on, or, if peers must not learn how many others were given, in an
 * order in which only the owner of secret keys knows what comes next. Pure.
 */

/** Hidden numbers are from here on, above those that are counted openly, and still small integers to the runtime. */
export const hiddenMin = 2 ** 30

const halfBits = 15
const halfMask = (1 << halfBits) - 1

/** How many keys are needed, each a number of 32 bits. */
export const keyCount = 8

/** A hash of both: every bit of the result depends on every bit of each. */
const mixed = (value: number, key: number): number => {
  let hash = Math.imul(value ^ key, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash ^ (key >>> 16), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** A permutation of the numbers of 30 bits: a Feistel network. */
const permuted = (number: number, keys: ReadonlyArray<number>): number => {
  let left = (number >>> halfBits) & halfMask
  let right = number & halfMask
  for (const key of keys) [left, right] = [right, left ^ (mixed(right, key) & halfMask)]
  return left * 2 ** halfBits + right
}

export class Serial {
  readonly #isHidden: () => boolean
  readonly #newKeys: () => ReadonlyArray<number>
  #keys: ReadonlyArray<number> | undefined
  #count = 0

  /** `newKeys` gives `keyCount` keys that nobody can guess; it is called when they are first needed. */
  constructor(isHidden: () => boolean, newKeys: () => ReadonlyArray<number>) {
    this.#isHidden = isHidden
    this.#newKeys = newKeys
  }

  next(): number {
    this.#count++
    if (!this.#isHidden()) return this.#count
    this.#keys ??= this.#newKeys()
    return hiddenMin + permuted(this.#count, this.#keys)
  }
}
