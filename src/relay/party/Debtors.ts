/**
 * The connections of one principal, while it owes bytes of its rate: none of them is read from, and once nothing is
 * owed they go on in the order in which they were stopped, a few at a time. Those who bring little are let be: only
 * where much is owed are those stopped, too, that did not bring it, since each of a thousand might bring as much.
 */
import { clearTimeout, setTimeout } from "../../Machine.ts"

/** One of its connections. */
export interface Debtor {
  /** For how many ms nothing may be received. */
  readonly owedMillis: number
  /** It must not be read from until `free`, and waits for that. */
  readonly hold: () => void
  readonly free: () => void
}

/** Some reads of who has few connections. */
const owedMillisMax = 100

/** As many reads bring what may be owed. */
const freedAtOnce = 5

export class Debtors {
  readonly #members = new Set<Debtor>()
  readonly #waiting = new Set<Debtor>()
  #timer: NodeJS.Timeout | undefined
  #areHeld = false

  enter(debtor: Debtor): void {
    this.#members.add(debtor)
  }

  /** Answers whether it was waiting. */
  leave(debtor: Debtor): boolean {
    this.#members.delete(debtor)
    const hasWaited = this.#waiting.delete(debtor)
    if (this.#waiting.size > 0) return hasWaited
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#areHeld = false
    return hasWaited
  }

  /** It waits until it is freed. */
  wait(debtor: Debtor, millis: number): void {
    this.#waiting.add(debtor)
    this.#look(millis)
  }

  /** So much is owed. */
  owe(millis: number): void {
    if (millis <= owedMillisMax || this.#areHeld) return
    this.#areHeld = true
    for (const member of this.#members) member.hold()
  }

  #look(millis: number): void {
    this.#timer ??= setTimeout(this.#go, millis)
  }

  readonly #go = (): void => {
    this.#timer = undefined
    for (const debtor of [...this.#waiting].slice(0, freedAtOnce)) {
      const millis = debtor.owedMillis
      if (millis > 0) {
        this.#look(millis)
        return
      }
      this.#areHeld = false
      this.#waiting.delete(debtor)
      debtor.free()
    }
    // What those bring shows whether the next may go on.
    if (this.#waiting.size > 0) this.#look(1)
  }
}
