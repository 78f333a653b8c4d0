/** Counts the writes that use the same bytes: these are given back after the last of them. */
export class Loan {
  #count = 1
  readonly #release: () => void

  constructor(release: () => void) {
    this.#release = release
  }

  readonly over = (): void => {
    if (--this.#count === 0) this.#release()
  }

  more(): () => void {
    this.#count++
    return this.over
  }
}
