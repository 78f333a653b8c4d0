/** Finds out where the object ends that a growing fragment of CTF 2 is. */

const outside = /["[\]{}]/g
const inside = /\\[\s\S]|"/g

/** Each character is looked at once, however many pieces a fragment comes in. */
export class FragmentEnd {
  #depth = 0
  #isText = false
  #hasBegun = false
  /** A backslash at the end, which takes the next character with it. */
  #carried = ""

  /** Whether the object is complete, if its text is JSON at all. */
  get isClosed(): boolean {
    return this.#hasBegun && this.#depth <= 0
  }

  /** What is appended next belongs to a new fragment. */
  begin(): void {
    this.#depth = 0
    this.#isText = false
    this.#hasBegun = false
    this.#carried = ""
  }

  append(more: string): void {
    const text = this.#carried + more
    let at = 0
    while (true) {
      const pattern = this.#isText ? inside : outside
      pattern.lastIndex = at
      const found = pattern.exec(text)
      if (found === null) break
      at = pattern.lastIndex
      const [sign] = found
      if (sign === '"') this.#isText = !this.#isText
      if (sign.startsWith("\\") || sign === '"') continue
      this.#hasBegun = true
      this.#depth += sign === "{" || sign === "[" ? 1 : -1
    }
    this.#carried = this.#isText && text.slice(at).endsWith("\\") ? "\\" : ""
  }
}
