/**
 * Accepted connections until it is known what they are: the first byte says whether a handshake begins, and a client
 * that names one of our protocols in it chooses the port's part it wants, whichever port it came to.
 */
import type * as net from "node:net"
import { readFirst } from "./ReceiveInto.ts"
import { handshakeByte, type Mode, type Role } from "./Tls.ts"
import type { Secured, TlsTerminal } from "./TlsTerminal.ts"

/** A connection that may speak to the relay. */
export interface Arrival {
  readonly accepted: net.Socket
  /** What was read of it. */
  readonly first?: Buffer
  readonly secured?: Secured
}

export type Welcome = (arrival: Arrival) => void

/** What the ports of a relay share where any of them takes TLS. */
export interface Security {
  readonly terminal: TlsTerminal
  /** Those who serve each role, as soon as they listen. */
  readonly welcomes: Map<Role, Welcome>
}

export interface Options {
  readonly mode: Mode
  readonly security: Security
  /** Of the port that was connected to. */
  readonly welcome: Welcome
  readonly refuse: (accepted: net.Socket, code: "TLS_REQUIRED" | "TLS_FAILED", detail: string) => void
}

/** Peers speak as soon as they are connected: of more that have not yet, the oldest has nothing to say. */
export const waitingCountMax = 1024

export class Door {
  readonly #options: Options
  readonly #waiting = new Set<net.Socket>()

  constructor(options: Options) {
    this.#options = options
  }

  enter(accepted: net.Socket): void {
    this.#waiting.add(accepted)
    accepted.once("close", () => this.#waiting.delete(accepted))
    readFirst(accepted, (first) => this.#look(accepted, first))
    if (this.#waiting.size <= waitingCountMax) return
    const [oldest] = this.#waiting
    if (oldest !== undefined) this.#options.refuse(oldest, "TLS_FAILED", `${waitingCountMax} younger ones wait too`)
  }

  /** Nobody who waits will be let in. */
  close(): void {
    for (const accepted of this.#waiting) accepted.destroy()
  }

  #look(accepted: net.Socket, first: Buffer): void {
    const { mode, refuse, security, welcome } = this.#options
    if (first[0] !== handshakeByte) {
      if (mode === "require") refuse(accepted, "TLS_REQUIRED", "")
      else this.#admit(welcome, { accepted, first })
      return
    }
    accepted.unshift(first)
    security.terminal.secure(
      accepted,
      (secured) =>
        this.#admit(secured.role === undefined ? welcome : security.welcomes.get(secured.role), { accepted, secured }),
      (code) => refuse(accepted, "TLS_FAILED", code)
    )
  }

  #admit(welcome: Welcome | undefined, arrival: Arrival): void {
    this.#waiting.delete(arrival.accepted)
    if (welcome === undefined) arrival.accepted.destroy()
    else welcome(arrival)
  }
}
