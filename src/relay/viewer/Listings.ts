/**
 * The answers to LIST_SESSIONS, made once for all viewers that ask within one look at the sockets and may see every
 * session: with some thousand sessions each takes milliseconds and a megabyte, and viewers come at once when a relay
 * is back.
 */
import { setImmediate } from "../../Machine.ts"
import type { Events } from "../Events.ts"

export class Listings {
  readonly #events: Pick<Events, "changeCount">
  /** By the minor of the protocol. */
  readonly #made = new Map<number, Uint8Array>()
  /** Of the events, when the first of these was made. */
  #changeCount = 0

  constructor(events: Pick<Events, "changeCount">) {
    this.#events = events
  }

  /** The answer for viewers of `minor`; nobody may change its bytes. */
  of(minor: number, make: () => Uint8Array): Uint8Array {
    const { changeCount } = this.#events
    if (changeCount !== this.#changeCount) this.#made.clear()
    this.#changeCount = changeCount
    const known = this.#made.get(minor)
    if (known !== undefined) return known
    if (this.#made.size === 0) setImmediate(() => this.#made.clear())
    const bytes = make()
    this.#made.set(minor, bytes)
    return bytes
  }
}
