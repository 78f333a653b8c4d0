/**
 * Tickets of sessions that a server here has given: who shows one was let in before, which is known before anything
 * dear is done. By it a client has turns of its own, also where a flood comes from its address. It says nothing of
 * whether the client is let in again.
 */
import { createHmac, timingSafeEqual } from "node:crypto"
import { ticketsOf } from "../../protocol/ClientHello.ts"

/** Of a server's keys: what a ticket begins with, and what it is signed with. The third decrypts it. */
const nameBytes = 16
const signingBytes = 16

/** At its end. */
const signatureBytes = 32

/** One an hour for the seven days that a ticket is shown at most (RFC 8446, §4.6.1), for two kinds of ports. */
const keyCountMax = 336

/** One more in a hello is not looked at: each costs a signature. */
const shownCountMax = 2

export class Tickets {
  readonly #signingKeys = new Map<string, Buffer>()

  /** Of the tickets that are given from now on; earlier ones stay known. */
  add(keys: Buffer): void {
    const name = keys.toString("hex", 0, nameBytes)
    this.#signingKeys.set(name, Buffer.from(keys.subarray(nameBytes, nameBytes + signingBytes)))
    const [oldest] = this.#signingKeys.keys()
    if (this.#signingKeys.size > keyCountMax && oldest !== undefined) this.#signingKeys.delete(oldest)
  }

  /** Whether one of them is in a whole hello. */
  isShownIn(hello: Uint8Array): boolean {
    return ticketsOf(hello)
      .slice(0, shownCountMax)
      .some((ticket) => this.#isOurs(ticket))
  }

  #isOurs(ticket: Buffer): boolean {
    if (ticket.length <= nameBytes + signatureBytes) return false
    const key = this.#signingKeys.get(ticket.toString("hex", 0, nameBytes))
    if (key === undefined) return false
    const signature = ticket.subarray(-signatureBytes)
    const signed = ticket.subarray(0, -signatureBytes)
    return timingSafeEqual(createHmac("sha256", key).update(signed).digest(), signature)
  }
}
