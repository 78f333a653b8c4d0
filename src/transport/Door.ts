/**
 * Accepted connections until it is known what they are. A proxy in front tells whose they are; the first byte says
 * whether a handshake begins; and a client that names one of our protocols in it chooses the part of the relay it
 * wants, whichever port it came to.
 */
import type * as net from "node:net"
import { Effect, type Scope } from "effect"
import * as ProxyHeader from "../protocol/ProxyHeader.ts"
import { readFirst } from "./ReceiveInto.ts"
import { handshakeByte, type Mode, type PeerCertificate, type Purpose, purposeOf } from "./Tls.ts"
import type { Secured, TlsTerminal } from "./TlsTerminal.ts"

/** A connection as the system gives it. */
export type Accepted = net.Socket

/** A connection that may speak to the relay. */
export interface Arrival {
  readonly accepted: Accepted
  /** What was read of it. */
  readonly first?: Buffer | undefined
  readonly secured?: Secured
  /** What a proxy in front told of it. */
  readonly told?: ProxyHeader.ProxyHeader | undefined
}

export type Welcome = (arrival: Arrival) => void

/** What the doors of a relay share. */
export interface Entrances {
  /** Undefined: no port takes TLS. */
  readonly terminal: TlsTerminal | undefined
  /** Whether connections from there begin with a proxy's header. */
  readonly isProxy: ((address: string) => boolean) | undefined
  /** Those who serve each purpose, as soon as they do. */
  readonly welcomes: Map<Purpose, Welcome>
}

export type RefusalCode = "TLS_REQUIRED" | "TLS_FAILED" | "PROXY_REFUSED" | "HOST_REFUSED"

export interface Options {
  readonly mode: Mode
  readonly purpose: Purpose
  readonly entrances: Entrances
  readonly welcome: Welcome
  /** Of an address that a proxy told. */
  readonly admits: (address: string) => boolean
  readonly refuse: (arrival: Arrival, code: RefusalCode, detail: string) => void
}

/** Peers speak as soon as they are connected: of more that have not yet, the oldest has nothing to say. */
export const waitingCountMax = 1024

/** Browsers and those who look at metrics are few. */
export const httpWaitingCountMax = 64

/** Whether accepted connections have to be looked at. */
export const isNeeded = (mode: Mode, { isProxy, terminal }: Entrances): boolean =>
  isProxy !== undefined || (terminal !== undefined && mode !== "off")

/** The peer's, by what a proxy told if one did. */
export const addressOf = ({ accepted, told }: Arrival): string => told?.source?.address ?? accepted.remoteAddress ?? "?"

/** `address:port` of the peer. */
export const nameOf = (arrival: Arrival): string =>
  `${addressOf(arrival)}:${arrival.told?.source?.port ?? arrival.accepted.remotePort ?? 0}`

/** What it showed to us, or to a proxy in front, which tells no more of it than its common name. */
export const certificateOf = ({ secured, told }: Arrival): PeerCertificate | undefined => {
  if (secured?.certificate !== undefined || told?.commonName === undefined) return secured?.certificate
  return { subject: `CN=${told.commonName.replaceAll("\n", " ")}`, alternativeNames: [], keyHash: "" }
}

/** Closed after the port, so that nobody enters any more. */
export const open = (options: Options): Effect.Effect<Door, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      options.entrances.welcomes.set(options.purpose, options.welcome)
      return new Door(options)
    }),
    (door) =>
      Effect.sync(() => {
        options.entrances.welcomes.delete(options.purpose)
        door.close()
      })
  )

export class Door {
  readonly #options: Options
  readonly #waiting = new Map<net.Socket, Arrival>()

  constructor(options: Options) {
    this.#options = options
  }

  enter(accepted: net.Socket): void {
    const { entrances, mode, purpose, refuse } = this.#options
    const isTold = entrances.isProxy?.(accepted.remoteAddress ?? "") === true
    if (!isTold && (mode === "off" || entrances.terminal === undefined)) {
      this.#admit({ accepted })
      return
    }
    this.#waiting.set(accepted, { accepted })
    accepted.once("close", () => this.#waiting.delete(accepted))
    if (isTold) readFirst(accepted, (first) => this.#readHeader(accepted, first))
    else readFirst(accepted, (first) => this.#look({ accepted, first }))
    const countMax = purpose === "http" ? httpWaitingCountMax : waitingCountMax
    if (this.#waiting.size <= countMax) return
    const [oldest] = this.#waiting.values()
    if (oldest !== undefined) refuse(oldest, "TLS_FAILED", `${countMax} younger ones wait too`)
  }

  /** Nobody who waits will be let in. */
  close(): void {
    for (const accepted of this.#waiting.keys()) accepted.destroy()
  }

  #readHeader(accepted: net.Socket, bytes: Buffer): void {
    const told = ProxyHeader.read(bytes)
    if (told._tag === "Malformed") this.#options.refuse({ accepted }, "PROXY_REFUSED", told.reason)
    else if (told._tag === "More") {
      readFirst(accepted, (next) => this.#readHeader(accepted, Buffer.concat([bytes, next])))
    } else {
      const rest = bytes.subarray(told.length)
      this.#introduce({ accepted, told, first: rest.length === 0 ? undefined : rest })
    }
  }

  /** Before the first byte of its own is looked at. */
  #introduce(arrival: Arrival): void {
    const { admits, entrances, mode, refuse } = this.#options
    const { accepted, first, told } = arrival
    this.#waiting.set(accepted, arrival)
    // What was TLS as far as the proxy is none behind it.
    const isPlain = mode === "off" || entrances.terminal === undefined || told?.isSecure
    if (told?.source !== undefined && !admits(told.source.address)) refuse(arrival, "HOST_REFUSED", "")
    else if (isPlain) this.#admit(arrival)
    else if (first !== undefined) this.#look(arrival)
    else readFirst(accepted, (bytes) => this.#look({ ...arrival, first: bytes }))
  }

  #look(arrival: Arrival): void {
    const { entrances, mode, purpose, refuse } = this.#options
    const { accepted, first } = arrival
    if (first?.[0] !== handshakeByte || entrances.terminal === undefined) {
      if (mode === "require") refuse(arrival, "TLS_REQUIRED", "")
      else this.#admit(arrival)
      return
    }
    accepted.unshift(first)
    entrances.terminal.secure(accepted, purpose, {
      done: (secured) => this.#admit({ accepted, told: arrival.told, secured }),
      failed: (code) => refuse(arrival, "TLS_FAILED", code)
    })
  }

  #admit(arrival: Arrival): void {
    const { entrances, welcome: own } = this.#options
    const { accepted, secured, told } = arrival
    this.#waiting.delete(accepted)
    const chosen = secured === undefined ? purposeOf(told?.protocol) : secured.purpose
    const welcome = chosen === undefined ? own : entrances.welcomes.get(chosen)
    if (welcome === undefined) accepted.destroy()
    else welcome(arrival)
  }
}
