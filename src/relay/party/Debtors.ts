/**
 * Holds a principal to its bytes per second. A connection that brought more than the rate allows is not read from until
 * the debt is paid by time; then connections go on in the order in which they were stopped, a few at a time.
 *
 * While the debt is small only those that made it are stopped. When it is large all connections of the principal are:
 * each of a thousand could bring as much again.
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

/** A larger debt stops all connections of the principal. Some reads of one with few connections stay below. */
const owedMillisMax = 100

/** So many connections, freed together, bring in one read each about what may be owed. */
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

  /** The principal owes so many ms of its rate. */
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
    // Whether the next ones may go on depends on what these bring.
    if (this.#waiting.size > 0) this.#look(1)
  }
}
