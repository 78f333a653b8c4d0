/**
 * Accepted connections until it is known what they are, in this order: the header of a proxy in front tells whose it
 * is; the first byte tells whether a TLS handshake begins; and a client that names one of our protocols in it (ALPN)
 * chooses the part of the relay that serves it, whichever port it came to.
 */
import type * as net from "node:net"
import { Effect, type Scope } from "effect"
import { clearTimeout, setTimeout } from "../Machine.ts"
import { networkOf } from "../protocol/Addresses.ts"
import { escaped } from "../protocol/CertificateName.ts"
import * as ClientHello from "../protocol/ClientHello.ts"
import * as ProxyHeader from "../protocol/ProxyHeader.ts"
import { readFirst } from "./FirstBytes.ts"
import { ByOrigin } from "./Origins.ts"
import { handshakeByte, type Mode, type PeerCertificate, type Purpose, purposeOf } from "./tls/Tls.ts"
import type { Secured, TlsTerminal } from "./tls/TlsTerminal.ts"

/** A connection as the system gives it. */
export type Accepted = net.Socket

/** A connection that may speak to the relay. */
export interface Arrival {
  readonly accepted: Accepted
  /** Bytes that were read of the connection; they go to the receiver first. */
  readonly first?: Buffer | undefined
  readonly secured?: Secured
  /** What a proxy in front told of the connection. */
  readonly told?: ProxyHeader.ProxyHeader | undefined
}

export type Welcome = (arrival: Arrival) => void

/** What the doors of a relay share. */
export interface Entrances {
  /** Undefined: no port takes TLS, and each one's mode is `off`. */
  readonly terminal: TlsTerminal | undefined
  /** Whether connections from that address begin with a proxy's header; undefined: none do. */
  readonly isProxy: ((address: string) => boolean) | undefined
  /** What serves each purpose, from when its port is open. */
  readonly welcomes: Map<Purpose, Welcome>
}

export type RefusalCode = "TLS_REQUIRED" | "TLS_FAILED" | "PROXY_REFUSED" | "HOST_REFUSED"

export interface Options {
  readonly mode: Mode
  readonly purpose: Purpose
  readonly entrances: Entrances
  readonly welcome: Welcome
  /** Whether the client's address, as a proxy told it, may connect. */
  readonly admits: (address: string) => boolean
  readonly refuse: (arrival: Arrival, code: RefusalCode, detail: string) => void
}

/** Peers speak as soon as they are connected. If more than this have not, the network with most loses its oldest. */
export const waitingCountMax = 1024

/** How long a ClientHello or a proxy's header may take, once begun: they come in one piece or a few. */
const greetingMillis = 10_000

/** The same for the operator's port: browsers and those who look at metrics are few. */
export const httpWaitingCountMax = 64

/** Whether accepted connections have to be looked at. */
export const isNeeded = (mode: Mode, { isProxy }: Entrances): boolean => isProxy !== undefined || mode !== "off"

/** What comes before an IPv4 address where a socket for IPv6 has accepted it. */
const mapped = /^::ffff:(?=\d+\.)/i

/** The peer's address, as a proxy told it if one did. */
export const addressOf = ({ accepted, told }: Arrival): string =>
  (told?.source?.address ?? accepted.remoteAddress ?? "?").replace(mapped, "")

/** `address:port` of the peer. */
export const nameOf = (arrival: Arrival): string =>
  `${addressOf(arrival)}:${arrival.told?.source?.port ?? arrival.accepted.remotePort ?? 0}`

/** The certificate shown to us, or to a proxy in front; the proxy tells its common name only. */
export const certificateOf = ({ secured, told }: Arrival): PeerCertificate | undefined => {
  if (secured?.certificate !== undefined || told?.commonName === undefined) return secured?.certificate
  const subject = `CN=${escaped(told.commonName)}`
  return { subject, alternativeNames: [], keyHash: "" }
}

/** Opens a door. Its scope must close after the port's, so that nobody enters any more. */
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

/** A connection that is not known yet for what it is. */
interface Guest {
  readonly accepted: net.Socket
  arrival: Arrival
  origin: string
  timer: NodeJS.Timeout | undefined
  /** Others needed its place: how its handshake ends is no news. */
  isRefused: boolean
}

export class Door {
  readonly #options: Options
  readonly #guests = new ByOrigin<Guest>()

  constructor(options: Options) {
    this.#options = options
  }

  enter(accepted: net.Socket): void {
    const { entrances, mode, purpose } = this.#options
    const { localAddress, remoteAddress } = accepted
    // The peer has broken off already, as balancers do to look whether we are there. Without its address nobody can
    // tell whether a proxy's header comes first. (A unix socket has neither address.)
    if (remoteAddress === undefined && localAddress !== undefined && entrances.isProxy !== undefined) {
      accepted.destroy()
      return
    }
    const isTold = entrances.isProxy?.(remoteAddress ?? "") === true
    if (!isTold && mode === "off") {
      this.#options.welcome({ accepted })
      return
    }
    const guest: Guest = { accepted, arrival: { accepted }, origin: "", timer: undefined, isRefused: false }
    this.#know(guest, { accepted })
    accepted.once("close", () => this.#leave(guest))
    if (isTold) readFirst(accepted, (first) => this.#readHeader(guest, first))
    else readFirst(accepted, (first) => this.#look(guest, first))
    const countMax = purpose === "http" ? httpWaitingCountMax : waitingCountMax
    if (this.#guests.size > countMax) this.#refuseOldest(`${countMax} younger ones wait too`)
  }

  /** How many have to make room where connections are scarce: who speaks TLS here, and has not done its handshake. */
  get strangerCount(): number {
    return this.#options.mode === "require" ? this.#guests.size : 0
  }

  /** Refuses the oldest connection of the network with most; answers which that was. */
  dismiss(): Accepted | undefined {
    return this.#refuseOldest("younger ones need its place")
  }

  #refuseOldest(why: string): Accepted | undefined {
    const guest = this.#guests.oldestOfMost
    if (guest === undefined) return undefined
    this.#leave(guest)
    guest.isRefused = true
    this.#options.refuse(guest.arrival, "TLS_FAILED", why)
    return guest.accepted
  }

  /** Closes all connections that still wait. */
  close(): void {
    for (const { accepted } of this.#guests.all) accepted.destroy()
  }

  #know(guest: Guest, arrival: Arrival): void {
    this.#guests.delete(guest.origin, guest)
    guest.arrival = arrival
    guest.origin = networkOf(addressOf(arrival))
    this.#guests.add(guest.origin, guest)
  }

  #leave(guest: Guest): void {
    this.#heard(guest)
    this.#guests.delete(guest.origin, guest)
  }

  /** The hello or header that had begun is whole: its deadline is off. */
  #heard(guest: Guest): void {
    clearTimeout(guest.timer)
    guest.timer = undefined
  }

  /** Waits for the rest of a hello or header, of which a part has come. */
  #hearOn(guest: Guest, code: RefusalCode, then: (bytes: Buffer) => void): void {
    guest.timer ??= setTimeout(
      () => this.#options.refuse(guest.arrival, code, "it says no more"),
      greetingMillis
    ).unref()
    readFirst(guest.accepted, then)
  }

  #readHeader(guest: Guest, bytes: Buffer): void {
    const { accepted } = guest
    const told = ProxyHeader.read(bytes)
    if (told._tag === "Malformed") this.#options.refuse({ accepted }, "PROXY_REFUSED", told.reason)
    else if (told._tag === "More") {
      this.#hearOn(guest, "PROXY_REFUSED", (next) => this.#readHeader(guest, Buffer.concat([bytes, next])))
    } else {
      this.#heard(guest)
      this.#know(guest, { accepted, told })
      const rest = bytes.subarray(told.length)
      this.#introduce(guest, rest.length === 0 ? undefined : rest)
    }
  }

  /** Goes on after the proxy's header. `first`: what followed it, if anything came already. */
  #introduce(guest: Guest, first: Buffer | undefined): void {
    const { admits, mode, refuse } = this.#options
    const { accepted, arrival } = guest
    const { told } = arrival
    // A proxy that ended TLS passes on plain bytes.
    const isPlain = mode === "off" || told?.isSecure
    // A proxy's own health check says no more and breaks off: there is no peer to log.
    const isChecking = told?.isOwn === true && first === undefined
    if (told?.source !== undefined && !admits(told.source.address)) refuse(arrival, "HOST_REFUSED", "")
    else if (isPlain && isChecking) readFirst(accepted, (bytes) => this.#admit(guest, { ...arrival, first: bytes }))
    else if (isPlain) this.#admit(guest, { ...arrival, first })
    else if (first !== undefined) this.#look(guest, first)
    else readFirst(accepted, (bytes) => this.#look(guest, bytes))
  }

  #look(guest: Guest, first: Buffer): void {
    const { entrances, mode, refuse } = this.#options
    const { arrival } = guest
    if (first[0] === handshakeByte && entrances.terminal !== undefined) this.#greet(guest, first, entrances.terminal)
    else if (mode === "require") refuse(arrival, "TLS_REQUIRED", "")
    else this.#admit(guest, { ...arrival, first })
  }

  #greet(guest: Guest, bytes: Buffer, terminal: TlsTerminal): void {
    const { purpose: port, refuse } = this.#options
    const { accepted, arrival } = guest
    const hello = ClientHello.read(bytes)
    if (hello === "more") {
      this.#hearOn(guest, "TLS_FAILED", (next) => this.#greet(guest, Buffer.concat([bytes, next]), terminal))
      return
    }
    if (hello !== "whole") {
      refuse(arrival, "TLS_FAILED", hello.reason)
      return
    }
    this.#heard(guest)
    terminal.secure(
      { accepted, hello: bytes, address: addressOf(arrival), port },
      {
        done: (secured) => this.#admit(guest, { ...arrival, secured }),
        failed: (code) => void (guest.isRefused || refuse(arrival, "TLS_FAILED", code))
      }
    )
  }

  #admit(guest: Guest, arrival: Arrival): void {
    const { entrances, refuse, welcome: own } = this.#options
    const { secured, told } = arrival
    this.#leave(guest)
    const chosen = secured === undefined ? purposeOf(told?.protocol) : secured.purpose
    const welcome = chosen === undefined ? own : entrances.welcomes.get(chosen)
    if (welcome !== undefined) {
      welcome(arrival)
      return
    }
    refuse(arrival, secured === undefined ? "PROXY_REFUSED" : "TLS_FAILED", `there is nobody for ${chosen} here`)
  }
}
