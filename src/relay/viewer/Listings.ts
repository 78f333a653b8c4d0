/**
 * The answers to LIST_SESSIONS, made once for all viewers that ask within one look at the sockets and may see every
 * session: with some thousand sessions each takes milliseconds and a megabyte, and viewers come at once when a relay
 * is back.
 */
import { setImmediate } from "../../Machine.ts"

export class Listings {
  /** By the minor of the protocol. */
  readonly #made = new Map<number, Uint8Array>()

  /** The answer for viewers of `minor`; nobody may change its bytes. */
  of(minor: number, make: () => Uint8Array): Uint8Array {
    const known = this.#made.get(minor)
    if (known !== undefined) return known
    if (this.#made.size === 0) setImmediate(() => this.forget())
    const bytes = make()
    this.#made.set(minor, bytes)
    return bytes
  }

  /** To be called when something of what is listed has changed. */
  forget(): void {
    this.#made.clear()
  }
}
