/** The edge that brings a passing journal: its reports, and whether it is connected. */
import { Deferred, type Effect, Exit, Latch } from "effect"
import type { Carrier } from "../../Ports.ts"
import type { EdgeReport } from "../../protocol/journal/EdgeReport.ts"

export class Passed {
  /** How the edge before calls itself. */
  readonly from: string
  /** Whose it is, as that edge came last; undefined: an earlier version took it, and it has not connected since. */
  owner: string | undefined
  /** There is room for it: its records are taken. */
  isAdmitted = true
  /** It is being removed: nothing more of it is taken. */
  isLeaving = false
  /** What the edge before says of itself. */
  report: EdgeReport | undefined
  /** The connection of the edge before. */
  #carrier: Carrier | undefined
  /** Open while the edge before is connected. */
  readonly #here = Latch.makeUnsafe(false)
  readonly #heard = Deferred.makeUnsafe<void>()

  constructor(from: string, owner?: string) {
    this.from = from
    this.owner = owner
  }

  get isHere(): boolean {
    return this.#here.isOpen()
  }

  /** A new connection takes the place of the one before. */
  attach(carrier: Carrier): void {
    const before = this.#carrier
    if (this.isLeaving) {
      carrier.onReplaced()
      return
    }
    this.#carrier = carrier
    this.#here.openUnsafe()
    before?.onReplaced()
  }

  /** False: another connection has taken over. */
  detach(carrier: Carrier): boolean {
    if (this.#carrier !== carrier) return false
    this.#carrier = undefined
    this.#here.closeUnsafe()
    return true
  }

  /** There is something to tell the edge before. */
  tell(): void {
    this.#carrier?.onReady()
  }

  /** Done when the edge before is connected. */
  get here(): Effect.Effect<void> {
    return this.#here.await
  }

  /** The relay has said what it has. */
  hear(): void {
    Deferred.doneUnsafe(this.#heard, Exit.void)
  }

  /** Done when the relay has said what it has. */
  get heard(): Effect.Effect<void> {
    return Deferred.await(this.#heard)
  }
}
