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

/** A client that opens many connections at once shows the same one; beyond these it is one of its address. */
const atOnceMax = 8
/** Whoever has heard a hello can say it again. */
const vainCountMax = 3
/** That are in use, or came to nothing. */
const usedCountMax = 4096

interface Use {
  underWay: number
  vain: number
}

export class Tickets {
  readonly #signingKeys = new Map<string, Buffer>()
  readonly #uses = new Map<string, Use>()

  /** Of the tickets that are given from now on; earlier ones stay known. */
  add(keys: Buffer): void {
    const name = keys.toString("hex", 0, nameBytes)
    this.#signingKeys.set(name, Buffer.from(keys.subarray(nameBytes, nameBytes + signingBytes)))
    const [oldest] = this.#signingKeys.keys()
    if (this.#signingKeys.size > keyCountMax && oldest !== undefined) this.#signingKeys.delete(oldest)
  }

  /** Which one a whole hello shows, if it is good for a turn: `over` is to be told. */
  take(hello: Uint8Array): string | undefined {
    const shown = ticketsOf(hello).slice(0, shownCountMax)
    const ticket = shown.find((one) => this.#isOurs(one))
    if (ticket === undefined) return undefined
    const id = ticket.toString("latin1", ticket.length - signatureBytes)
    const use = this.#uses.get(id) ?? { underWay: 0, vain: 0 }
    if (use.underWay >= atOnceMax || use.vain >= vainCountMax) return undefined
    use.underWay++
    this.#uses.set(id, use)
    const [oldest] = this.#uses.keys()
    if (this.#uses.size > usedCountMax && oldest !== undefined) this.#uses.delete(oldest)
    return id
  }

  /** The handshake ended, well or not. */
  over(id: string, isGood: boolean): void {
    const use = this.#uses.get(id)
    if (use === undefined) return
    use.underWay--
    if (!isGood) use.vain++
    if (use.underWay === 0 && use.vain === 0) this.#uses.delete(id)
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
