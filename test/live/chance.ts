/** Chance that repeats: xorshift, the same numbers from 0 up to `below` for the same seed. */
export const random = (seed: number): ((below: number) => number) => {
  let state = seed * 2_654_435_761 + 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return ((state >>> 0) / 2 ** 32) * below
  }
}
