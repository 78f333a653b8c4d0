/** Who waits for more of a journal to be written: each is told once, in the call that writes it, in the order asked. */
export class Growth {
  readonly #waiting: Array<() => void> = []

  /** Not now, whatever is written already. */
  when(then: () => void): void {
    this.#waiting.push(then)
  }

  /** `then` will not be called. */
  forget(then: () => void): void {
    const at = this.#waiting.indexOf(then)
    if (at >= 0) this.#waiting.splice(at, 1)
  }

  /** There is more. */
  tell(): void {
    if (this.#waiting.length > 0) for (const then of this.#waiting.splice(0)) then()
  }
}
