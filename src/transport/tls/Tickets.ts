/**
 * Tickets of TLS sessions that our servers have given: a client that shows one was let in before, which is known before
 * anything expensive is done. It gives the client turns of its own, even if a flood comes from its address. It does not
 * decide whether the client is let in again.
 */
import { createHmac, timingSafeEqual } from "node:crypto"
import { ticketsOf } from "../../protocol/ClientHello.ts"

/** A server's keys are three of 16 bytes: the name that a ticket begins with, its signing key, its encryption key. */
const nameBytes = 16
const signingBytes = 16

/** Length of the signature at a ticket's end. */
const signatureBytes = 32

/** One an hour for the seven days in which a ticket may be shown (RFC 8446, §4.6.1), for two kinds of ports. */
const keyCountMax = 336

/** Further tickets in a hello are not looked at: each costs a signature. */
const shownCountMax = 2

/** A client that opens many connections at once shows one ticket in all; further ones count for its address. */
const atOnceMax = 8
/** After so many failures a ticket gives no turn: anybody who has overheard a hello can repeat it. */
const vainCountMax = 3
/** How many tickets are remembered that are in use or have failed. */
const usedCountMax = 4096

interface Use {
  underWay: number
  vain: number
}

export class Tickets {
  readonly #signingKeys = new Map<string, Buffer>()
  readonly #uses = new Map<string, Use>()

  /** Adds the keys of the tickets that are given from now on; earlier keys stay known. */
  add(keys: Buffer): void {
    const name = keys.toString("hex", 0, nameBytes)
    this.#signingKeys.set(name, Buffer.from(keys.subarray(nameBytes, nameBytes + signingBytes)))
    const [oldest] = this.#signingKeys.keys()
    if (this.#signingKeys.size > keyCountMax && oldest !== undefined) this.#signingKeys.delete(oldest)
  }

  /** The id of a ticket in a whole hello, if it is good for a turn; `over` must be called with it later. */
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

  /** The ticket's handshake ended, well or not. */
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
