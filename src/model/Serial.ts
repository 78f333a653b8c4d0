/**
 * Numbers of things, none of them given twice: counted from 1 on, or, where nobody may know how many others have got
 * one, counted in an order of which only who has the key knows what comes next. Pure.
 */

/** Hidden ones lie above all that are counted openly, and are still small integers to the runtime. */
export const hiddenMin = 2 ** 30

const halfBits = 15
const halfMask = (1 << halfBits) - 1

/** So many numbers of 32 bits. */
export const keyCount = 8

/** Every bit of the result depends on every bit of both. */
const mixed = (value: number, key: number): number => {
  let hash = Math.imul(value ^ key, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash ^ (key >>> 16), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** A permutation of the numbers of 30 bits, by halves that change places. */
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

  /** `newKeys`: `keyCount` of them, that nobody can guess; asked for once they are needed. */
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
